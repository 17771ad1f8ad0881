#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <string>

#include "runtime/options.h"

namespace cigli {

struct ImageEncoderOptions {
  std::string kind = "convolutional";
  std::int64_t patch = 8;  // pixels a side of a token's cell
  std::int64_t width = 128;
  std::int64_t blocks = 1;  // residual blocks at the tokens' resolution
  void visit(Fields& f);
};

// Image prompt [B,3,H,W] of any height and width (multiples of the patch) to a token a patch: [B,D,h,w].
struct ImageEncoderImpl : torch::nn::Module {
  virtual torch::Tensor forward(const torch::Tensor& prompt) = 0;
};
using ImageEncoder = std::shared_ptr<ImageEncoderImpl>;

ImageEncoder make_image_encoder(const ImageEncoderOptions& options);

}  // namespace cigli
