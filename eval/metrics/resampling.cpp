#include "eval/metrics/resampling.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "runtime/error.h"

namespace cigli {

namespace F = torch::nn::functional;
using torch::Tensor;

namespace {

const std::vector<std::string>& names() {
  static const std::vector<std::string> all = {"tf1-bilinear", "torch-bilinear", "clean"};
  return all;
}

// Keys' cubic (1981, eq. 15 with a = -0.5).
double cubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

// Weights [out,in] of an antialiased bicubic pass along one side: the kernel, widened where the side shrinks, at each
// source pixel's middle, normalised.
Tensor bicubic_weights(std::int64_t in, std::int64_t out) {
  const double scale = static_cast<double>(in) / static_cast<double>(out), stretch = std::max(1.0, scale);
  const double reach = 2 * stretch;
  Tensor weights = torch::zeros({out, in}, torch::kFloat64);
  auto to = weights.accessor<double, 2>();
  for (std::int64_t i = 0; i < out; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    const std::int64_t from = std::max<std::int64_t>(0, static_cast<std::int64_t>(centre - reach + 0.5));
    const std::int64_t until = std::min(in, static_cast<std::int64_t>(centre + reach + 0.5));
    double sum = 0;
    for (std::int64_t j = from; j < until; ++j)
      sum += to[i][j] = cubic((static_cast<double>(j) - centre + 0.5) / stretch);
    for (std::int64_t j = from; j < until; ++j) to[i][j] /= sum;
  }
  return weights;
}

// Weights [out,in] of a bilinear pass that takes its source at i in / out.
Tensor corner_weights(std::int64_t in, std::int64_t out) {
  Tensor weights = torch::zeros({out, in}, torch::kFloat64);
  auto to = weights.accessor<double, 2>();
  const float scale = static_cast<float>(in) / static_cast<float>(out);  // as TensorFlow has it
  for (std::int64_t i = 0; i < out; ++i) {
    const float source = static_cast<float>(i) * scale;
    const auto low = std::min(in - 1, static_cast<std::int64_t>(source)), high = std::min(in - 1, low + 1);
    const double part = source - static_cast<float>(low);
    to[i][low] += 1 - part;
    to[i][high] += part;
  }
  return weights;
}

Tensor rows_by(const Tensor& images, const Tensor& weights) { return weights.to(images.dtype()).matmul(images); }
Tensor columns_by(const Tensor& images, const Tensor& weights) { return images.matmul(weights.to(images.dtype()).t()); }

}  // namespace

const std::string& name(Resampling resampling) { return names().at(static_cast<std::size_t>(resampling)); }

Resampling resampling_named(const std::string& wanted) {
  for (std::size_t i = 0; i < names().size(); ++i)
    if (names()[i] == wanted) return static_cast<Resampling>(i);
  throw Error("no resampling '" + wanted + "', expected tf1-bilinear, torch-bilinear or clean");
}

Tensor resample(const Tensor& images, std::int64_t height, std::int64_t width, Resampling how) {
  TORCH_CHECK(images.dim() == 4, "resampling expects images [B,C,H,W]; got ", images.sizes());
  const Tensor values = images.to(torch::kFloat32);
  const std::int64_t h = values.size(2), w = values.size(3);
  if (how == Resampling::torch_bilinear)
    return F::interpolate(values, F::InterpolateFuncOptions()
                                      .size(std::vector<std::int64_t>{height, width})
                                      .mode(torch::kBilinear)
                                      .align_corners(false));
  if (how == Resampling::tf1_bilinear)
    return columns_by(rows_by(values, corner_weights(h, height)), corner_weights(w, width));
  // Pillow leaves a side alone whose size stays.
  Tensor passed = w == width ? values : columns_by(values, bicubic_weights(w, width));
  if (h != height) passed = rows_by(passed, bicubic_weights(h, height));
  return passed.clamp(0, 255);
}

Tensor resample_bicubic_bytes(const Tensor& images, std::int64_t height, std::int64_t width) {
  TORCH_CHECK(images.dim() == 4 && images.scalar_type() == torch::kUInt8, "resampling expects uint8 images [B,C,H,W]");
  // Pillow's weights are multiples of 2^-22, its sums are rounded half up.
  const auto fixed = [](const Tensor& weights) {
    constexpr double unit = 1 << 22;
    return (weights * unit + torch::where(weights < 0, -0.5, 0.5)).trunc() / unit;
  };
  const auto bytes = [](const Tensor& x) { return (x + 0.5).floor().clamp(0, 255); };
  const std::int64_t h = images.size(2), w = images.size(3);
  Tensor values = images.to(torch::kFloat64);
  if (w != width) values = bytes(columns_by(values, fixed(bicubic_weights(w, width))));
  if (h != height) values = bytes(rows_by(values, fixed(bicubic_weights(h, height))));
  return values.to(torch::kUInt8);
}

}  // namespace cigli
