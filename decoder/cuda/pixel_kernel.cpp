#include "decoder/cuda/pixel_kernel.h"

#include <algorithm>
#include <cstring>

#include "decoder/cuda/arithmetic.h"
#include "decoder/cuda/vector_kernel.h"

// Four pixels a lane: what stands side by side in memory lies in four vectors, or in two of two bfloat16 a lane.

namespace cigli {
namespace {

template <class F>
using WordsOf = typename Vectors<sizeof(F) / sizeof(float)>::Words;
template <class F>
using IntegersOf = typename Vectors<sizeof(F) / sizeof(float)>::Integers;

template <class F>
CIGLI_INLINE void write_units(const F (&units)[4], float* to) {
  F even[2], odd[2], all[4];
  interleave(units[0], units[2], even[0], even[1]);
  interleave(units[1], units[3], odd[0], odd[1]);
  for (int i = 0; i < 2; ++i) interleave(even[i], odd[i], all[2 * i], all[2 * i + 1]);
  std::memcpy(to, all, sizeof all);
}
template <class F>
CIGLI_INLINE void write_units(const F (&units)[4], std::uint16_t* to) {
  using Halves = Packed<F, std::uint16_t>;
  WordsOf<F> all[2];
  interleave(Halves::joined(units[0], units[1]), Halves::joined(units[2], units[3]), all[0], all[1]);
  std::memcpy(to, all, sizeof all);
}

// Two pixels a lane of the values at `from`, the first in the lowest byte.
template <class F, class Convert>
CIGLI_INLINE WordsOf<F> read_two(const float* from, const Convert& pixels_of) {
  constexpr int lanes = sizeof(F) / sizeof(float);
  WordsOf<F> even, odd;
  separate(pixels_of(load<F>(from)), pixels_of(load<F>(from + lanes)), even, odd);
  return even | odd << 8;
}
template <class F, class Convert>
CIGLI_INLINE WordsOf<F> read_two(const std::uint16_t* from, const Convert& pixels_of) {
  F both[2];
  Packed<F, std::uint16_t>::read(from, both);
  return pixels_of(both[0]) | pixels_of(both[1]) << 8;
}

template <class F, class T>
CIGLI_INLINE void convert(const std::uint8_t* pixels, T* units) {
  WordsOf<F> four;
  std::memcpy(&four, pixels, sizeof four);
  F made[4];
  for (int k = 0; k < 4; ++k)
    made[k] = unit_of_pixel(__builtin_convertvector(as_bits<IntegersOf<F>>(four >> 8 * k & 0xff), F));
  write_units(made, units);
}

template <class F, class T>
CIGLI_INLINE void convert(const T* units, std::uint8_t* pixels) {
  const auto pixels_of = [](const F& values) __attribute__((always_inline)) {
    return as_bits<WordsOf<F>>(__builtin_convertvector(pixel_of_unit(values), IntegersOf<F>));
  };
  WordsOf<F> first, second;
  separate(read_two<F>(units, pixels_of), read_two<F>(units + sizeof(F) / 2, pixels_of), first, second);
  const WordsOf<F> four = first | second << 16;
  std::memcpy(pixels, &four, sizeof four);
}

template <class F, class From, class To>
CIGLI_INLINE void convert_all(const From* from, std::int64_t count, To* to) {
  constexpr std::int64_t whole = sizeof(F);  // pixels
  std::int64_t i = 0;
  for (; i + whole <= count; i += whole) convert<F>(from + i, to + i);
  if (i == count) return;
  From last[whole] = {};
  To made[whole];
  std::copy_n(from + i, count - i, last);
  convert<F>(last, made);
  std::copy_n(made, count - i, to + i);
}

CIGLI_EACH_WIDTH(void compute(const std::uint8_t* pixels, std::int64_t count, float* units), convert_all,
                 (pixels, count, units))
CIGLI_EACH_WIDTH(void compute(const std::uint8_t* pixels, std::int64_t count, std::uint16_t* units), convert_all,
                 (pixels, count, units))
CIGLI_EACH_WIDTH(void compute(const float* units, std::int64_t count, std::uint8_t* pixels), convert_all,
                 (units, count, pixels))
CIGLI_EACH_WIDTH(void compute(const std::uint16_t* units, std::int64_t count, std::uint8_t* pixels), convert_all,
                 (units, count, pixels))

}  // namespace

void pixels_to_units(const std::uint8_t* pixels, std::int64_t count, float* units) { compute(pixels, count, units); }
void pixels_to_units(const std::uint8_t* pixels, std::int64_t count, std::uint16_t* units) {
  compute(pixels, count, units);
}
void units_to_pixels(const float* units, std::int64_t count, std::uint8_t* pixels) { compute(units, count, pixels); }
void units_to_pixels(const std::uint16_t* units, std::int64_t count, std::uint8_t* pixels) {
  compute(units, count, pixels);
}

}  // namespace cigli
