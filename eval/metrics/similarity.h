#pragma once

#include <torch/types.h>

namespace cigli {

// How near images are to their targets, pixel by pixel. Images [B,C,H,W] with values in [0,1], one shape; each gives
// [B] float64, computed in float64.

// Peak signal-to-noise ratio in dB, 10 log10 (1 / mean squared error): infinite where they are equal.
torch::Tensor psnr(const torch::Tensor& images, const torch::Tensor& targets);

constexpr std::int64_t kLeastSide = 6;  // of ssim, pixels

// Structural similarity (Wang et al. 2004, eq. 13): Gaussian windows of 11x11 with deviation 1.5 over images reflected
// at their borders, variances over n, K1 = 0.01, K2 = 0.03, the mean over all places and channels. At most 1. Throws
// Error where a side is shorter than 6 pixels, which a window would reflect more than once.
torch::Tensor ssim(const torch::Tensor& images, const torch::Tensor& targets);

}  // namespace cigli
