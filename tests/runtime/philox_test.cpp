#include "runtime/philox.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "runtime/hash.h"

namespace cigli {
namespace {

using Block = std::array<std::uint32_t, 4>;

// Known answers of Random123's own tests.
TEST(Philox, GivesThePublishedBlocks) {
  constexpr std::uint32_t kOnes = 0xFFFFFFFF;
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}), (Block{0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8}));
  EXPECT_EQ(philox4x32({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}),
            (Block{0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD}));
  EXPECT_EQ(philox4x32({0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344}, {0xA4093822, 0x299F31D0}),
            (Block{0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1}));
}

TEST(Philox, StreamIsTheCountersHighHalf) {
  const std::uint64_t key = 0x299F31D0A4093822, stream = 0x0370734413198A2E;
  Philox random(key, stream);
  for (std::uint32_t block = 0; block < 3; ++block) {
    for (const std::uint32_t word : philox4x32({block, 0, 0x13198A2E, 0x03707344}, {0xA4093822, 0x299F31D0})) {
      EXPECT_EQ(random.next(), word);
    }
  }
}

TEST(Philox, BelowIsUnbiased) {
  Philox random(3);
  std::vector<int> seen(7);
  for (int i = 0; i < 70000; ++i) ++seen.at(random.below(7));
  double chi_square = 0;
  for (const int count : seen) chi_square += (count - 10000.0) * (count - 10000.0) / 10000.0;
  EXPECT_LT(chi_square, 22.5);  // 6 degrees of freedom, p = 0.001
  EXPECT_EQ(random.below(1), 0U);
  // Half of all 64-bit draws are above this bound and must be drawn again.
  const std::uint64_t large = (std::uint64_t{1} << 63) + 1;
  for (int i = 0; i < 100; ++i) EXPECT_LT(random.below(large), large);
}

TEST(Philox, UniformAndNormalHaveTheirMoments) {
  Philox random(5, 9);
  constexpr int kCount = 200000;
  double sum = 0, low = 1, high = 0, normal_sum = 0, squares = 0;
  for (int i = 0; i < kCount; ++i) {
    const double uniform = random.uniform(), normal = random.normal();
    low = std::min(low, uniform);
    high = std::max(high, uniform);
    sum += uniform;
    normal_sum += normal;
    squares += normal * normal;
  }
  EXPECT_GE(low, 0.0);
  EXPECT_LT(high, 1.0);
  EXPECT_NEAR(sum / kCount, 0.5, 0.003);
  EXPECT_NEAR(normal_sum / kCount, 0.0, 0.01);
  EXPECT_NEAR(squares / kCount, 1.0, 0.015);
}

TEST(FillNormal, IsBoxMullerOverTheStream) {
  constexpr std::int64_t kCount = 40000;
  std::vector<float> values(kCount);
  fill_normal(11, 4, values.data(), kCount);
  Philox random(11, 4);
  for (std::size_t i = 0; i < kCount; i += 2) {
    const double first = (random.next() >> 1 | 1) * 0x1p-31;
    const double angle = random.next() * 0x1p-32 * 2 * std::acos(-1.0);
    const double radius = std::sqrt(-2 * std::log(first));
    ASSERT_NEAR(values[i], radius * std::cos(angle), 2e-5) << i;
    ASSERT_NEAR(values[i + 1], radius * std::sin(angle), 2e-5) << i;
  }
}

TEST(FillNormal, ValueDependsOnItsPlaceAlone) {
  std::vector<float> whole(1000), start(999), other(1000);
  fill_normal(1, 2, whole.data(), 1000);
  for (const std::int64_t count : {0, 1, 3, 255, 256, 257, 999}) {
    std::fill(start.begin(), start.end(), -1.0F);
    fill_normal(1, 2, start.data(), count);
    EXPECT_TRUE(std::equal(start.begin(), start.begin() + count, whole.begin())) << count;
    EXPECT_TRUE(std::all_of(start.begin() + count, start.end(), [](float x) { return x == -1.0F; })) << count;
  }
  fill_normal(1, 3, other.data(), 1000);
  EXPECT_NE(whole, other);
  fill_normal(2, 2, other.data(), 1000);
  EXPECT_NE(whole, other);
}

TEST(FillNormal, HasTheMomentsAndTailsOfANormal) {
  constexpr std::int64_t kCount = 1 << 21;
  std::vector<float> values(kCount);
  fill_normal(77, 0, values.data(), kCount);
  double mean = 0, square = 0, fourth = 0, neighbours = 0, beyond_three = 0;
  for (std::size_t i = 0; i < kCount; ++i) {
    const double x = values[i];
    mean += x;
    square += x * x;
    fourth += x * x * x * x;
    beyond_three += std::fabs(x) > 3;
    if (i > 0) neighbours += x * values[i - 1];
  }
  EXPECT_NEAR(mean / kCount, 0, 0.003);
  EXPECT_NEAR(square / kCount, 1, 0.005);
  EXPECT_NEAR(fourth / kCount, 3, 0.04);
  EXPECT_NEAR(neighbours / kCount, 0, 0.003);
  EXPECT_NEAR(beyond_three / kCount, 0.0026998, 0.00015);
}

// A seed stands for an image: any change of a single bit, by whatever compiler or flag, shows here.
TEST(FillNormal, KeepsItsBits) {
  std::vector<float> values(1 << 16);
  fill_normal(0, 0, values.data(), 1 << 16);
  EXPECT_EQ(sha256({reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)}),
            "d9dcf1c0f8000f013c505f80def69ea421828c7f3f6c6645bf32d6c98601d617");
}

}  // namespace
}  // namespace cigli
