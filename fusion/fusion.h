#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <string>

#include "encoders/image_encoder.h"
#include "encoders/text_encoder.h"
#include "fusion/condition.h"
#include "runtime/options.h"

namespace cigli {

struct FusionOptions {
  std::string kind = "joint";
  std::string inputs = "both";  // both | text-only | image-only: drops an input, keeps everything else equal
  std::int64_t width = 128;
  std::int64_t layers = 2;
  std::int64_t heads = 4;
  void visit(Fields& f);
};

struct ImageFeatures {
  ImageMaps maps;        // of the prompt in its own shape
  torch::Tensor pixels;  // [B,3,H,W], the prompt at the target's size
};

// Which inputs a row's condition may see: [B] bool each. Learned null features replace those of a dropped input, zeros
// its pixels.
struct Visible {
  torch::Tensor text, image;
};

// Makes of a sentence and an image prompt what a decoder draws by.
struct FusionImpl : torch::nn::Module {
  virtual ConditionWidths widths() const = 0;  // of what `forward` returns; 0: not part of it
  // B rows each; a row's condition depends on that row alone.
  virtual Condition forward(const TextFeatures& text, const ImageFeatures& image, const Visible& visible) = 0;
};
using Fusion = std::shared_ptr<FusionImpl>;

// Widths of what the encoders give to fusion.
struct FeatureWidths {
  std::int64_t text = 0, image = 0, details = 0;
};

// joint, affine or concat, with weights drawn at random. Throws Error for another kind.
Fusion make_fusion(const FusionOptions& options, const FeatureWidths& widths);

}  // namespace cigli
