#pragma once

#include <torch/torch.h>

#include <cstdint>

namespace cigli {

// Group normalisation (Wu and He 2018) with what surrounds it in a residual block, in one pass over the image each way:
// y = act((norm(x) weight + bias) (1 + s) + h), x [B,C,H,W], variance over a group's channels and places plus 1e-5.
// `modulation` [B,2C] is s beside h (FiLM, Perez et al. 2018; adaptive group normalisation, Dhariwal and Nichol 2021);
// undefined: both 0. act is max(0, .) when `relu`, else the identity. float32 and bfloat16 run fused (sums in
// float32, output channels_last; on a GPU where built with CIGLI_CUDA, and at most 256 channels a group); all else is
// composed of LibTorch's operations. The fused gradient can't be
// differentiated again: c10::Error when that is asked for.
struct AdaptiveGroupNormImpl : torch::nn::Module {
  // `group` channels share a mean and a variance; c10::Error unless it divides `channels`.
  AdaptiveGroupNormImpl(std::int64_t channels, std::int64_t group, bool relu);
  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& modulation = {});
  std::int64_t groups;
  bool relu;
  torch::Tensor weight, bias;  // [C]
};
TORCH_MODULE(AdaptiveGroupNorm);

// The same of LibTorch's own operations: the reference, and the path for other devices and types.
torch::Tensor compose_group_norm(const torch::Tensor& x, std::int64_t groups, const torch::Tensor& weight,
                                 const torch::Tensor& bias, const torch::Tensor& modulation, bool relu);

}  // namespace cigli
