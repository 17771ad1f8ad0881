#include "eval/metrics/similarity.h"

#include <torch/torch.h>

#include <string>

#include "runtime/error.h"

namespace cigli {

namespace F = torch::nn::functional;
using torch::Tensor;

namespace {

constexpr std::int64_t kReach = 5;  // of a window to each side
constexpr double kDeviation = 1.5;

void check(const Tensor& images, const Tensor& targets) {
  TORCH_CHECK(images.dim() == 4 && images.sizes() == targets.sizes(), "images and targets of one shape [B,C,H,W]; got ",
              images.sizes(), " and ", targets.sizes());
}

// Weighted means over windows, [B,C,H,W] of reflected images [B,C,H+10,W+10].
Tensor window_means(const Tensor& images) {
  Tensor weights = torch::arange(-kReach, kReach + 1, torch::kFloat64);
  weights = (-weights.square() / (2 * kDeviation * kDeviation)).exp();
  weights = weights / weights.sum();
  const std::int64_t channels = images.size(1);
  const auto by = [&](const Tensor& x, const Tensor& kernel) {
    return F::conv2d(x, kernel.expand({channels, 1, kernel.size(2), kernel.size(3)}),
                     F::Conv2dFuncOptions().groups(channels));
  };
  return by(by(images, weights.view({1, 1, -1, 1})), weights.view({1, 1, 1, -1}));
}

}  // namespace

Tensor psnr(const Tensor& images, const Tensor& targets) {
  check(images, targets);
  const Tensor difference = images.to(torch::kFloat64) - targets.to(torch::kFloat64);
  return -10 * difference.square().mean({1, 2, 3}).log10();
}

Tensor ssim(const Tensor& images, const Tensor& targets) {
  check(images, targets);
  if (images.size(2) <= kReach || images.size(3) <= kReach)
    throw Error("structural similarity needs images of 6x6 pixels or more, got " + std::to_string(images.size(3)) +
                "x" + std::to_string(images.size(2)));
  const auto reflected = [](const Tensor& x) {
    return F::pad(x.to(torch::kFloat64), F::PadFuncOptions({kReach, kReach, kReach, kReach}).mode(torch::kReflect));
  };
  constexpr double c1 = 0.01 * 0.01, c2 = 0.03 * 0.03;
  const Tensor x = reflected(images), y = reflected(targets);
  const Tensor mean_x = window_means(x), mean_y = window_means(y);
  const Tensor variance_x = (window_means(x * x) - mean_x * mean_x).clamp_min(0);
  const Tensor variance_y = (window_means(y * y) - mean_y * mean_y).clamp_min(0);
  const Tensor covariance = window_means(x * y) - mean_x * mean_y;
  const Tensor map = (2 * mean_x * mean_y + c1) * (2 * covariance + c2) /
                     ((mean_x * mean_x + mean_y * mean_y + c1) * (variance_x + variance_y + c2));
  return map.mean({1, 2, 3});
}

}  // namespace cigli
