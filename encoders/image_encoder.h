#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <string>

#include "runtime/options.h"

namespace cigli {

struct ImageEncoderOptions {
  std::string kind = "convolutional";
  std::int64_t patch = 4;  // pixels a side of a cell of the feature map
  std::int64_t width = 128;
  std::int64_t blocks = 1;  // residual blocks at the tokens' resolution
  void visit(Fields& f);
};

struct ImageFeatures {
  torch::Tensor tokens;  // [B,N,D], N cells of the prompt's own grid at twice the patch size
  torch::Tensor map;     // [B,D,h,w], the target's grid of patches: what decoders concatenate
};

// Image prompt of any height and width (multiples of twice the patch) to features. `map` covers the prompt resized to
// height x width, tokens see it in its own shape.
struct ImageEncoderImpl : torch::nn::Module {
  virtual ImageFeatures forward(const torch::Tensor& prompt, std::int64_t height, std::int64_t width) = 0;
};
using ImageEncoder = std::shared_ptr<ImageEncoderImpl>;

ImageEncoder make_image_encoder(const ImageEncoderOptions& options);

}  // namespace cigli
