#include "dataset/fit.h"

#include <algorithm>
#include <array>

namespace cigli {
namespace {

// Median of each channel over the outermost pixels.
std::array<std::uint8_t, 3> border_colour(const Image& image) {
  std::array<std::array<std::int64_t, 256>, 3> counts{};
  std::int64_t all = 0;
  for (std::int64_t y = 0; y < image.height; ++y) {
    const bool edge = y == 0 || y == image.height - 1;
    for (std::int64_t x = 0; x < image.width; x += edge ? 1 : std::max<std::int64_t>(image.width - 1, 1), ++all)
      for (int c = 0; c < 3; ++c) ++counts[c][image.at(x, y)[c]];
  }
  std::array<std::uint8_t, 3> median{};
  for (int c = 0; c < 3; ++c)
    for (std::int64_t seen = counts[c][0]; 2 * seen < all; seen += counts[c][++median[c]]) continue;
  return median;
}

}  // namespace

Image fit(const Image& image, std::int64_t width, std::int64_t height) {
  if (image.width * height == image.height * width) return resize(image, width, height);
  return letterbox(image, width, height, border_colour(image).data());
}

}  // namespace cigli
