#pragma once

#include <torch/torch.h>

#include <cstdint>

#include "encoders/layers/group_norm.h"
#include "encoders/layers/linear.h"

namespace cigli {

struct ResidualBlockOptions {
  std::int64_t channels = 128;
  std::int64_t embedding = 0;  // width of the modulating embedding; 0: none
  std::int64_t group = 16;     // channels a normalisation group
};

// x + conv(relu(film(norm(conv(relu(norm(x))))))) on [B,C,H,W], 3x3 convolutions; the second one starts at zero.
// With an embedding [B,E] the second norm is modulated channel by channel (adaptive group normalisation).
struct ResidualBlockImpl : torch::nn::Module {
  explicit ResidualBlockImpl(const ResidualBlockOptions& options);
  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& embedding = {});
  AdaptiveGroupNorm norm1, norm2;
  Conv3x3 conv1, conv2;
  torch::nn::Linear film{nullptr};
};
TORCH_MODULE(ResidualBlock);

}  // namespace cigli
