#include "decoder/cuda/pixel_kernel.h"

#include <cstring>

#include "decoder/cuda/arithmetic.h"
#include "decoder/cuda/vector_kernel.h"

namespace cigli {
namespace {

typedef std::uint8_t Bytes __attribute__((vector_size(kLanes)));
typedef std::int32_t Integers __attribute__((vector_size(4 * kLanes)));

template <class T>
CIGLI_INLINE void to_units(const std::uint8_t* pixels, std::int64_t count, T* units) {
  const auto of = [&](const std::uint8_t* from) __attribute__((always_inline)) {
    Bytes bytes;
    std::memcpy(&bytes, from, sizeof bytes);
    return unit_of_pixel(__builtin_convertvector(__builtin_convertvector(bytes, Integers), Floats));
  };
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) store(units + i, of(pixels + i));
  if (i == count) return;
  std::uint8_t rest[kLanes] = {};
  std::memcpy(rest, pixels + i, count - i);
  store_first(units + i, of(rest), count - i);
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

CIGLI_CLONES void pixels_to_units(const std::uint8_t* pixels, std::int64_t count, float* units) {
  to_units(pixels, count, units);
}
CIGLI_CLONES void pixels_to_units(const std::uint8_t* pixels, std::int64_t count, std::uint16_t* units) {
  to_units(pixels, count, units);
}
CIGLI_CLONES void units_to_pixels(const float* units, std::int64_t count, std::uint8_t* pixels) {
  to_pixels(units, count, pixels);
}
CIGLI_CLONES void units_to_pixels(const std::uint16_t* units, std::int64_t count, std::uint8_t* pixels) {
  to_pixels(units, count, pixels);
}

}  // namespace cigli
