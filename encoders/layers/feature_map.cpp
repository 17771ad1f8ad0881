#include "encoders/layers/feature_map.h"

#include <vector>

#include "runtime/error.h"

namespace cigli {

using torch::Tensor;

Tensor to_tokens(const Tensor& map) { return map.permute({0, 2, 3, 1}).flatten(1, 2); }

Tensor to_map(const Tensor& tokens, std::int64_t height, std::int64_t width) {
  return tokens.reshape({tokens.size(0), height, width, tokens.size(2)}).permute({0, 3, 1, 2});
}

std::int64_t coarsest_cell(const std::string& key, std::int64_t finest, std::size_t resolutions) {
  constexpr std::size_t most = 12;  // of 4096 pixels, the largest side
  if (resolutions < 1 || resolutions > most)
    throw Error(key + " names " + std::to_string(resolutions) + " resolutions, expected 1 to " + std::to_string(most));
  return finest << (resolutions - 1);
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
