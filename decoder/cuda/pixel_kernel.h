#pragma once

#include <cstdint>

namespace cigli {

// Pixels 0 to 255 to values in [-1,1] (pixel / 127.5 - 1), float32 or the bits of bfloat16 (T = float, std::uint16_t),
// and back (rounds to nearest, clamps, NaN becomes 0); `count` values in whatever order. On the processor, the
// same on every one.
void pixels_to_units(const std::uint8_t* pixels, std::int64_t count, float* units);
void pixels_to_units(const std::uint8_t* pixels, std::int64_t count, std::uint16_t* units);
void units_to_pixels(const float* units, std::int64_t count, std::uint8_t* pixels);
void units_to_pixels(const std::uint16_t* units, std::int64_t count, std::uint8_t* pixels);

}  // namespace cigli
