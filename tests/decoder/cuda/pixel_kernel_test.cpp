#include "decoder/cuda/pixel_kernel.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace cigli {
namespace {

// As single operations on single values.
std::uint8_t pixel_of(float value) {
  volatile float scaled = (value + 1.0F) * 127.5F;
  scaled = scaled + 0.5F;
  if (!(scaled > 0.0F)) return 0;
  return scaled >= 255.0F ? 255 : static_cast<std::uint8_t>(scaled);
}

TEST(PixelKernel, EveryPixelIsItsFormulaAndComesBack) {
  for (const std::int64_t count : {1, 7, 8, 255, 256}) {
    std::vector<std::uint8_t> pixels(count), back(count);
    for (std::int64_t i = 0; i < count; ++i) pixels[i] = static_cast<std::uint8_t>(255 - i);
    std::vector<float> units(count);
    std::vector<std::uint16_t> halves(count);
    pixels_to_units(pixels.data(), count, units.data());
    pixels_to_units(pixels.data(), count, halves.data());
    for (std::int64_t i = 0; i < count; ++i) {
      EXPECT_EQ(units[i], static_cast<float>(pixels[i]) / 127.5F - 1.0F);
      EXPECT_EQ(halves[i], at::BFloat16(units[i]).x);
    }
    units_to_pixels(units.data(), count, back.data());
    EXPECT_EQ(back, pixels);
    units_to_pixels(halves.data(), count, back.data());
    for (std::int64_t i = 0; i < count; ++i)
      EXPECT_EQ(back[i], pixel_of(at::BFloat16(halves[i], at::BFloat16::from_bits())));
  }
}

TEST(PixelKernel, ValuesRoundAsSingleOperationsDo) {
  std::vector<float> units;
  for (int pixel = -2; pixel < 258; ++pixel)  // around what lies between two pixels
    for (int i = -200; i <= 200; ++i)
      units.push_back(static_cast<float>((pixel + 0.5) / 127.5 - 1 + i * 2e-9 * (1 + i % 7 * i % 7)));
  std::vector<std::uint8_t> pixels(units.size());
  units_to_pixels(units.data(), static_cast<std::int64_t>(units.size()), pixels.data());
  for (std::size_t i = 0; i < units.size(); ++i) ASSERT_EQ(pixels[i], pixel_of(units[i])) << units[i];
}

TEST(PixelKernel, ClampsAndTakesNoNan) {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> units{7, -7, nan, 0, infinity, -infinity, -nan, 1e30F, -1e30F, 1.0F, -1.0F};
  std::vector<std::uint16_t> halves;
  for (const float unit : units) halves.push_back(at::BFloat16(unit).x);
  const std::vector<std::uint8_t> expected{255, 0, 0, 128, 255, 0, 0, 255, 0, 255, 0};
  std::vector<std::uint8_t> pixels(units.size());
  units_to_pixels(units.data(), static_cast<std::int64_t>(units.size()), pixels.data());
  EXPECT_EQ(pixels, expected);
  units_to_pixels(halves.data(), static_cast<std::int64_t>(halves.size()), pixels.data());
  EXPECT_EQ(pixels, expected);
}

}  // namespace
}  // namespace cigli
