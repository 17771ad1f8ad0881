#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <vector>

namespace cigli {

// Filters of a 3x3 convolution of stride 1 between zeros, for Winograd's minimal filtering F(2x2, 3x3) (Lavin and Gray
// 2016, "Fast Algorithms for Convolutional Neural Networks", section 4.1): y = A^T [(G g G^T) * (B^T d B)] A over tiles
// d of 4x4 inputs, 16 multiplications for 4 outputs where the sum over the filter takes 36. They take 16/9 of the
// weights' memory.
class WinogradFilter {
 public:
  // Of weights [K,C,3,3], float32 on the CPU, of which K and C are multiples of 16.
  explicit WinogradFilter(const torch::Tensor& weight);
  // x [B,C,H,W] float32 -> [B,K,H,W], both channels_last, `bias` [K] added. What a value becomes does not depend on its
  // batch or on the number of threads. There is no gradient.
  torch::Tensor convolve(const torch::Tensor& x, const torch::Tensor& bias) const;

 private:
  std::int64_t inputs_, outputs_;
  std::vector<float> filters_;  // [16][K / 16][C][16]
};

// Gradient [K,C,3,3], channels_last, of such a convolution's weights: from x [B,C,H,W] and the gradient [B,K,H,W] of
// its output, both float32, by the transposed transforms. It does not depend on the number of threads.
torch::Tensor winograd_weight_gradient(const torch::Tensor& x, const torch::Tensor& gradient);

// The convolution of x with weight [K,C,3,3] plus bias [K] by Winograd's filtering, with its gradients; these can be
// differentiated again, by LibTorch's sums.
torch::Tensor winograd_convolution(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias);

}  // namespace cigli
