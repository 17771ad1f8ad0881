#include "encoders/layers/feature_map.h"

#include <vector>

namespace cigli {

using torch::Tensor;

Tensor to_tokens(const Tensor& map) { return map.permute({0, 2, 3, 1}).flatten(1, 2); }

Tensor to_map(const Tensor& tokens, std::int64_t height, std::int64_t width) {
  return tokens.reshape({tokens.size(0), height, width, tokens.size(2)}).permute({0, 3, 1, 2});
}

Tensor resized(const Tensor& map, std::int64_t height, std::int64_t width) {
  if (map.size(2) == height && map.size(3) == width) return map;
  const auto options = torch::nn::functional::InterpolateFuncOptions()
                           .size(std::vector<std::int64_t>{height, width})
                           .mode(torch::kBilinear)
                           .align_corners(false)
                           .antialias(true);
  return torch::nn::functional::interpolate(map.to(torch::kFloat32), options).to(map.scalar_type());
}

}  // namespace cigli
