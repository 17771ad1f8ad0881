#pragma once

#include <cstdint>
#include <random>
#include <vector>

namespace cigli {

// numpy.random.RandomState: the rows that reference implementations draw with it, in the same order.
class NumpyRandom {
 public:
  explicit NumpyRandom(std::uint32_t seed) : twister_(seed) {}

  // 0 .. n - 1, shuffled; its first k are choice(n, k, replace=False).
  std::vector<std::int64_t> permutation(std::int64_t n) {
    std::vector<std::int64_t> rows(static_cast<std::size_t>(n));
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<std::int64_t>(i);
    for (std::size_t i = rows.size(); i-- > 1;) std::swap(rows[i], rows[at_most(i)]);
    return rows;
  }

 private:
  std::size_t at_most(std::size_t most) {
    std::size_t mask = most;
    for (const int shift : {1, 2, 4, 8, 16}) mask |= mask >> shift;
    std::size_t drawn = twister_() & mask;
    while (drawn > most) drawn = twister_() & mask;
    return drawn;
  }

  std::mt19937 twister_;
};

}  // namespace cigli
