#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace cigli {

// A permutation p without fixed points, by seed (Sattolo's cycle), then mended so that keys[p[i]] != keys[i] wherever
// an exchange of two images allows it. Throws Error for fewer than two keys.
std::vector<std::size_t> derangement(const std::vector<std::string>& keys, std::uint64_t seed);

}  // namespace cigli
