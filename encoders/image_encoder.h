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

struct ImageFeatures {
  torch::Tensor tokens;                // [B,N,D], row by row
  std::int64_t rows = 0, columns = 0;  // of their grid; N = rows * columns
  torch::Tensor pixels;                // [B,3,height,width], the prompt resized to the target's size
};

// Image prompt of any height and width (multiples of the patch) to features for a target of height x width; the tokens
// see it in its own shape.
struct ImageEncoderImpl : torch::nn::Module {
  virtual ImageFeatures forward(const torch::Tensor& prompt, std::int64_t height, std::int64_t width) = 0;
};
using ImageEncoder = std::shared_ptr<ImageEncoderImpl>;

ImageEncoder make_image_encoder(const ImageEncoderOptions& options);

}  // namespace cigli
