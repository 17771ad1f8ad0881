#include "fusion/fusion.h"

#include <memory>

#include "fusion/affine_fusion.h"
#include "fusion/concat_fusion.h"
#include "fusion/joint_fusion.h"

namespace cigli {

void FusionOptions::visit(Fields& f) {
  f("kind", kind,
    "how text and image meet: joint attention, an affine combination after word attention, or concatenated "
    "embeddings",
    Choices{{"joint", "affine", "concat"}});
  f("inputs", inputs, "inputs the model may see", Choices{{"both", "text-only", "image-only"}});
  f("width", width, "channels of a condition token; of each of the two embeddings (concat)", Range{8, 4096});
  f("layers", layers, "fusion blocks (joint, affine)", Range{0, 64});
  f("heads", heads, "attention heads (joint, affine)", Range{1, 64});
}

Fusion make_fusion(const FusionOptions& options, const FeatureWidths& widths) {
  if (options.kind == "joint") return std::make_shared<JointFusionImpl>(options, widths);
  if (options.kind == "affine") return std::make_shared<AffineFusionImpl>(options, widths);
  if (options.kind == "concat") return std::make_shared<ConcatFusionImpl>(options, widths);
  throw Error("no fusion is called '" + options.kind + "'");
}

}  // namespace cigli
