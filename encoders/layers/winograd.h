#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace cigli {

// Winograd's minimal filtering F(2x2, 3x3) and F(4x4, 3x3) of 3x3 convolutions at stride 1 between zeros (Lavin and
// Gray 2016, "Fast Algorithms for Convolutional Neural Networks", sections 4.1 and 4.3): y = A^T [(G g G^T) * (B^T d
// B)] A over tiles d of 4x4 or 6x6 inputs. A tile's 4 or 16 outputs take 16 or 36 multiplications where the sum over
// the filter takes 36 or 144, and the filters 16/9 or 4 times the weights' memory. Errors are up to 10^-6 and 5 10^-6
// of the largest output where the sum's are some 10^-7, and a value that is not finite spoils its whole tile. All is
// float32 on the CPU.

// How many outputs a side of the tiles has for images of this size: 4 where both sides have at least 8 pixels, else 2.
std::int64_t winograd_side(std::int64_t height, std::int64_t width);

// The filters of weights, kept for many images.
class WinogradFilter {
 public:
  // Of weights [K,C,3,3], of which K and C are multiples of 16, for tiles of `side` x `side` outputs, 2 or 4;
  // c10::Error otherwise.
  WinogradFilter(const torch::Tensor& weight, std::int64_t side);
  // x [B,C,H,W] float32 -> [B,K,H,W], both channels_last, `bias` [K] added. What a value becomes does not depend on its
  // batch or on the number of threads. There is no gradient. c10::Error where shapes or types don't fit.
  torch::Tensor convolve(const torch::Tensor& x, const torch::Tensor& bias) const;
  std::int64_t side() const { return side_; }

 private:
  std::int64_t inputs_, outputs_, side_;
  std::vector<float> filters_;  // [(side + 2)^2][K / 16][C][16]
};

// Gradient [K,C,3,3], channels_last, of such a convolution's weights: from x [B,C,H,W] and the gradient [B,K,H,W] of
// its output, both float32, C and K multiples of 16 (c10::Error otherwise), by the transposed transforms. It does not
// depend on the number of threads.
torch::Tensor winograd_weight_gradient(const torch::Tensor& x, const torch::Tensor& gradient);

// Whether the 3x3 convolution of x [B,C,H,W] with weight [K,C,3,3], at stride 1 between zeros, can be filtered: float32
// on the CPU, C and K multiples of 16.
bool winograd_fits(const torch::Tensor& x, const torch::Tensor& weight);

// The convolution of x with weight [K,C,3,3] plus bias [K] by filtering, with its gradients; these can be
// differentiated again, by LibTorch's sums. c10::Error unless winograd_fits.
torch::Tensor winograd_convolution(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias);

// The same of one layer, whose filters without gradients are kept until weights or tiles change, and let go with
// gradients. Not for two threads at once.
class WinogradConvolution {
 public:
  torch::Tensor operator()(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias);

 private:
  std::optional<WinogradFilter> filter_;
  torch::Tensor filtered_;  // the weights that it is of, as they were at this version
  std::uint32_t version_ = 0;
};

}  // namespace cigli
