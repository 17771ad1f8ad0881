#include "decoder/cuda/pixel_kernel.h"

#include <cstring>

#include "decoder/cuda/arithmetic.h"
#include "decoder/cuda/vector_kernel.h"

namespace cigli {
namespace {

typedef std::uint8_t Bytes __attribute__((vector_size(kLanes)));
typedef std::int32_t Integers __attribute__((vector_size(4 * kLanes)));

// Looking up takes less time than dividing.
template <class T>
struct UnitTable {
  UnitTable() {
    for (int first = 0; first < 256; first += kLanes) {
      Floats pixels;
      for (int i = 0; i < kLanes; ++i) pixels[i] = static_cast<float>(first + i);
      store(units + first, unit_of_pixel(pixels));
    }
  }
  T units[256];
};

template <class T>
void to_units(const std::uint8_t* pixels, std::int64_t count, T* units) {
  static const UnitTable<T> table;
  std::int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    std::uint64_t eight;  // one read for all; the first is the lowest byte
    std::memcpy(&eight, pixels + i, sizeof eight);
    T made[8];
    for (int k = 0; k < 8; ++k) made[k] = table.units[eight >> 8 * k & 0xff];
    std::memcpy(units + i, made, sizeof made);
  }
  for (; i < count; ++i) units[i] = table.units[pixels[i]];
}

template <class T>
CIGLI_INLINE void to_pixels(const T* units, std::int64_t count, std::uint8_t* pixels) {
  const auto of = [](const Floats& values, std::uint8_t* to, std::int64_t n) __attribute__((always_inline)) {
    const Bytes bytes = __builtin_convertvector(__builtin_convertvector(pixel_of_unit(values), Integers), Bytes);
    std::memcpy(to, &bytes, n);
  };
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) of(load(units + i), pixels + i, kLanes);
  if (i < count) of(load_first(units + i, count - i), pixels + i, count - i);
}

}  // namespace

void pixels_to_units(const std::uint8_t* pixels, std::int64_t count, float* units) { to_units(pixels, count, units); }
void pixels_to_units(const std::uint8_t* pixels, std::int64_t count, std::uint16_t* units) {
  to_units(pixels, count, units);
}
CIGLI_CLONES void units_to_pixels(const float* units, std::int64_t count, std::uint8_t* pixels) {
  to_pixels(units, count, pixels);
}
CIGLI_CLONES void units_to_pixels(const std::uint16_t* units, std::int64_t count, std::uint8_t* pixels) {
  to_pixels(units, count, pixels);
}

}  // namespace cigli
