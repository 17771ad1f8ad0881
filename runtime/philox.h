#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace cigli {

// Counter-based generator Philox4x32-10 (Salmon, Moraes, Dror, Shaw, SC 2011): ten rounds over a 128-bit counter under
// a 64-bit key. Any position of any stream is computed on its own, so no state needs saving and batch size, order and
// device cannot matter.
std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

// A stream of numbers under (key, stream): the counter's high half is `stream`, its low half counts blocks.
class Philox {
 public:
  explicit Philox(std::uint64_t key, std::uint64_t stream = 0) : key_(key), stream_(stream) {}

  std::uint32_t next();                  // uniform on 0 .. 2^32-1
  std::uint64_t below(std::uint64_t n);  // uniform on 0 .. n-1 without bias; n >= 1
  double uniform();                      // [0, 1), 53 bits
  double normal();                       // standard normal (Box-Muller)

 private:
  std::uint64_t key_, stream_, block_ = 0;
  std::array<std::uint32_t, 4> buffer_{};
  int used_ = 4;
};

// Puts the values in an order of chance (Fisher & Yates).
template <class T>
void shuffle(std::vector<T>& values, Philox& random) {
  for (std::size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[random.below(i)]);
}

// `count` standard normal floats of stream (key, stream): value i depends on (key, stream, i) alone.
void fill_normal(std::uint64_t key, std::uint64_t stream, float* out, std::int64_t count);

}  // namespace cigli
