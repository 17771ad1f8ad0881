#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <vector>

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
torch::nn::Embedding embedding_layer(std::int64_t count, std::int64_t width);
// Whose weight and bias start at zero: a residual branch that starts as nothing.
torch::nn::Linear zero_linear(std::int64_t in, std::int64_t out);
// A parameter of this shape that starts as normal noise of deviation 0.02.
torch::Tensor small_weights(const std::vector<std::int64_t>& shape);

// While one lives, what is above is made on its thread with whatever lies in memory as weights, for models whose
// weights are read from a file next: drawing those of 8 million parameters takes 75 ms. Nothing else may be made then.
// Throws Error, before it takes the memory, once they come to more than `most` numbers.
class WeightsFollow {
 public:
  explicit WeightsFollow(std::int64_t most);
  ~WeightsFollow();
  WeightsFollow(const WeightsFollow&) = delete;
  WeightsFollow& operator=(const WeightsFollow&) = delete;

 private:
  std::int64_t before_;
};

}  // namespace cigli
