#pragma once

#include <torch/torch.h>

#include <cstdint>

#include "encoders/layers/winograd.h"

namespace cigli {

// 3x3 convolution between zeros, [B,C,H,W] -> [B,K,H,W] at stride 1, as conv3x3() below makes it. What
// WinogradConvolution can do, at stride 1, it does.
struct Conv3x3Impl : torch::nn::Conv2dImpl {
  using torch::nn::Conv2dImpl::Conv2dImpl;
  torch::Tensor forward(const torch::Tensor& x);

 private:
  WinogradConvolution filtered_;
};
TORCH_MODULE(Conv3x3);

// Layers with LibTorch's own initial weights: uniform on [-b, b], b = 1 / sqrt(inputs).
torch::nn::Linear linear_layer(std::int64_t in, std::int64_t out);
torch::nn::Conv2d conv1x1(std::int64_t in, std::int64_t out);
Conv3x3 conv3x3(std::int64_t in, std::int64_t out, std::int64_t stride = 1);
// Whose weight and bias start at zero: a residual branch that starts as nothing.
torch::nn::Linear zero_linear(std::int64_t in, std::int64_t out);

// While one lives, the layers above are made on its thread with whatever lies in memory as weights, for models whose
// weights are read from a file next: drawing those of 8 million parameters takes 75 ms. Nothing else may be made then.
class WeightsFollow {
 public:
  WeightsFollow();
  ~WeightsFollow();
  WeightsFollow(const WeightsFollow&) = delete;
  WeightsFollow& operator=(const WeightsFollow&) = delete;

 private:
  bool before_;
};

}  // namespace cigli
