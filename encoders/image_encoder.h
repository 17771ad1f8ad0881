#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/options.h"

namespace cigli {

struct ImageEncoderOptions {
  std::string kind = "convolutional";
  std::vector<std::int64_t> widths{64, 128, 128};  // channels a resolution, finest first: 2, 4, 8, ... pixels a cell
  std::int64_t blocks = 1;                         // residual blocks a resolution
  void visit(Fields& f);

  std::int64_t patch() const;  // pixels a side of a token's cell; Error for no resolution and for too many
};

// Features of an image prompt: a token a patch, and those of the resolution before, for details that patches are too
// coarse for.
struct ImageMaps {
  torch::Tensor tokens;   // [B,D,h,w], D the last width
  torch::Tensor details;  // [B,F,h',w'], F the last width but one; the tokens themselves where there is only one
};

// Image prompt [B,3,H,W] of any height and width (multiples of the patch) to its features.
struct ImageEncoderImpl : torch::nn::Module {
  virtual ImageMaps forward(const torch::Tensor& prompt) = 0;
};
using ImageEncoder = std::shared_ptr<ImageEncoderImpl>;

ImageEncoder make_image_encoder(const ImageEncoderOptions& options);

}  // namespace cigli
