#include "encoders/layers/positions.h"

#include <cmath>

namespace cigli {

using torch::Tensor;

Tensor grid_positions(std::int64_t height, std::int64_t width, std::int64_t bands) {
  const Tensor y = (torch::arange(height, torch::kFloat32) + 0.5) / static_cast<double>(height);
  const Tensor x = (torch::arange(width, torch::kFloat32) + 0.5) / static_cast<double>(width);
  const Tensor place = torch::stack({x.repeat({height}), y.repeat_interleave(width)}, 1);  // [N,2]
  const Tensor frequencies = M_PI * torch::exp2(torch::arange(bands, torch::kFloat32));
  const Tensor angles = (place.unsqueeze(2) * frequencies).flatten(1);  // [N,2*bands]
  return torch::cat({angles.sin(), angles.cos()}, 1);
}

Tensor scalar_embedding(const Tensor& t, std::int64_t width) {
  TORCH_CHECK(t.dim() == 1 && width % 2 == 0, "scalar_embedding expects [B] and an even width; got ", t.sizes());
  const std::int64_t half = width / 2;
  const Tensor frequencies =
      torch::exp(torch::arange(half, t.options().dtype(torch::kFloat32)) * (std::log(1000.0) / (half - 1)));
  const Tensor angles = t.to(torch::kFloat32).unsqueeze(1) * frequencies;
  return torch::cat({angles.sin(), angles.cos()}, 1);
}

}  // namespace cigli
