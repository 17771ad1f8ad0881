#include "dataset/derangement.h"

#include <numeric>
#include <utility>

#include "runtime/error.h"
#include "runtime/philox.h"

namespace cigli {

std::vector<std::size_t> derangement(const std::vector<std::string>& keys, std::uint64_t seed) {
  const std::size_t count = keys.size();
  if (count < 2) throw Error("exchanging between rows needs at least two of them, found " + std::to_string(count));
  std::vector<std::size_t> image(count);
  std::iota(image.begin(), image.end(), std::size_t{0});
  Philox random(seed);
  for (std::size_t i = count - 1; i > 0; --i) std::swap(image[i], image[random.below(i)]);

  const auto differs = [&](std::size_t i, std::size_t to) { return to != i && keys[to] != keys[i]; };
  for (std::size_t i = 0; i < count; ++i) {
    if (differs(i, image[i])) continue;
    for (std::size_t step = 1; step < count; ++step) {
      const std::size_t j = (i + step) % count;
      const bool worse = differs(j, image[j]) && !differs(j, image[i]);
      if (!differs(i, image[j]) || image[i] == j || worse) continue;
      std::swap(image[i], image[j]);
      break;
    }
  }
  return image;
}

}  // namespace cigli
