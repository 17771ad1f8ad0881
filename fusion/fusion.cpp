#include "fusion/fusion.h"

#include <memory>

#include "fusion/joint_fusion.h"

namespace cigli {

void FusionOptions::visit(Fields& f) {
  f("kind", kind, "how text and image meet", Choices{{"joint"}});
  f("inputs", inputs, "inputs the model may see", Choices{{"both", "text-only", "image-only"}});
  f("width", width, "channels of a condition token", Range{8, 4096});
  f("layers", layers, "fusion blocks", Range{0, 64});
  f("heads", heads, "attention heads", Range{1, 64});
}

Fusion make_fusion(const FusionOptions& options, const FeatureWidths& widths) {
  if (options.kind == "joint") return std::make_shared<JointFusionImpl>(options, widths);
  throw Error("no fusion is called '" + options.kind + "'");
}

}  // namespace cigli
