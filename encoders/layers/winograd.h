#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <vector>

namespace cigli {

// How many outputs across a tile has for images of this size: 4 where both sides have at least 8 pixels, else 2.
std::int64_t winograd_tile(std::int64_t height, std::int64_t width);

// Filters of a 3x3 convolution of stride 1 between zeros, for Winograd's minimal filtering F(2x2, 3x3) or F(4x4, 3x3)
// (Lavin and Gray 2016, "Fast Algorithms for Convolutional Neural Networks", sections 4.1 and 4.3):
// y = A^T [(G g G^T) * (B^T d B)] A over tiles d of 4x4 or 6x6 inputs. A tile's 4 or 16 outputs take 16 or 36
// multiplications where the sum over the filter takes 36 or 144, and the filters 16/9 or 4 times the weights' memory.
class WinogradFilter {
 public:
  // Of weights [K,C,3,3], float32 on the CPU, of which K and C are multiples of 16, for tiles of `tile` outputs across,
  // 2 or 4.
  WinogradFilter(const torch::Tensor& weight, std::int64_t tile);
  // x [B,C,H,W] float32 -> [B,K,H,W], both channels_last, `bias` [K] added. What a value becomes does not depend on its
  // batch or on the number of threads. There is no gradient.
  torch::Tensor convolve(const torch::Tensor& x, const torch::Tensor& bias) const;
  std::int64_t tile() const { return tile_; }

 private:
  std::int64_t inputs_, outputs_, tile_;
  std::vector<float> filters_;  // [(tile + 2)^2][K / 16][C][16]
};

// Gradient [K,C,3,3], channels_last, of such a convolution's weights: from x [B,C,H,W] and the gradient [B,K,H,W] of
// its output, both float32, by the transposed transforms. It does not depend on the number of threads.
torch::Tensor winograd_weight_gradient(const torch::Tensor& x, const torch::Tensor& gradient);

// Whether a convolution of x [B,C,H,W] with weight [K,C,3,3] is one that filtering can do: float32 on the CPU, C and K
// multiples of 16.
bool winograd_fits(const torch::Tensor& x, const torch::Tensor& weight);

// The convolution of x with weight [K,C,3,3] plus bias [K] by Winograd's filtering, with its gradients; these can be
// differentiated again, by LibTorch's sums.
torch::Tensor winograd_convolution(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias);

}  // namespace cigli
