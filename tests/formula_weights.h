#pragma once

#include <torch/types.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

namespace cigli::test {

// Weights by a formula of the tensor's name, as the reference values of networks were made with: FNV-1a of
// "SALT:NAME" starts SplitMix64 (Steele et al. 2014), whose upper 24 bits are uniform in [0, 1).
inline torch::Tensor formula_uniform(const std::string& salt, const std::string& name, at::IntArrayRef shape) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char byte : salt + ":" + name) hash = (hash ^ static_cast<unsigned char>(byte)) * 1099511628211ULL;
  torch::Tensor uniform = torch::empty(shape, torch::kFloat64);
  double* const values = uniform.data_ptr<double>();
  for (std::int64_t i = 0; i < uniform.numel(); ++i) {
    std::uint64_t z = hash + static_cast<std::uint64_t>(i + 1) * 0x9E3779B97F4A7C15ULL;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    z ^= z >> 31;
    values[i] = static_cast<double>(z >> 40) / 16777216.0;
  }
  return uniform;
}

// (2u - 1) sqrt(6 / fan_in), fan_in the product of all dimensions but the first, float32.
inline torch::Tensor formula_weight(const std::string& salt, const std::string& name, at::IntArrayRef shape) {
  double fan_in = 1;
  for (std::size_t i = 1; i < shape.size(); ++i) fan_in *= static_cast<double>(shape[i]);
  return ((2 * formula_uniform(salt, name, shape) - 1) * std::sqrt(6 / fan_in)).to(torch::kFloat32);
}

}  // namespace cigli::test
