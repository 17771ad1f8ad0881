#include "eval/nlvr1/frechet.h"

#include <gtest/gtest.h>

#include <cmath>

#include "runtime/error.h"
#include "tests/eval/nlvr1/drawing.h"

namespace cigli {
namespace {

Nlvr1Features at(std::size_t i, double value) {
  Nlvr1Features features{};
  features[i] = value;
  return features;
}

TEST(Nlvr1Frechet, FeaturesAreCountsAndMeanPlaces) {
  const Nlvr1Features features = features_of({{0, 80, 20, Nlvr1Shape::square, Nlvr1Colour::yellow},
                                              {50, 10, 30, Nlvr1Shape::triangle, Nlvr1Colour::blue},
                                              {90, 90, 10, Nlvr1Shape::triangle, Nlvr1Colour::blue}});
  const Nlvr1Features expected{0, 0, 0, 0, 1, 0, 0, 0, 2, 1, 1, 1, (0.1 + 0.65 + 0.95) / 3, (0.9 + 0.25 + 0.95) / 3};
  for (std::size_t i = 0; i < nlvr1_features; ++i) EXPECT_NEAR(features[i], expected[i], 1e-12) << i;
  EXPECT_EQ(features_of({})[12], 0.5);
}

TEST(Nlvr1Frechet, HasItsClosedForms) {
  const std::vector<Nlvr1Features> wide{at(0, -2), at(0, 2)}, narrow{at(0, 0), at(0, 2)};
  EXPECT_NEAR(frechet_distance(wide, wide), 0, 1e-12);
  // Deviations 2 sqrt 2 and sqrt 2, means 0 and 1: (m1 - m2)^2 + (s1 - s2)^2.
  EXPECT_NEAR(frechet_distance(wide, narrow), 1 + 2, 1e-9);
  EXPECT_NEAR(frechet_distance(wide, narrow), frechet_distance(narrow, wide), 1e-9);
  // Covariances along different axes share nothing: the sum of both traces.
  EXPECT_NEAR(frechet_distance(wide, {at(3, -2), at(3, 2)}), 16, 1e-9);
  EXPECT_NEAR(frechet_distance({at(5, 3)}, {at(5, 1)}), 4, 1e-12);  // one box each: the means alone
}

TEST(Nlvr1Frechet, IsFiniteForAnyBoxes) {
  std::vector<Nlvr1Features> real, blank(40, features_of({}));
  for (int i = 0; i < 40; ++i)
    real.push_back(
        features_of(tower(std::vector<Nlvr1Colour>(static_cast<std::size_t>(1 + i % 4), Nlvr1Colour::blue))));
  for (const double value : {frechet_distance(real, blank), frechet_distance(blank, real)}) {
    EXPECT_TRUE(std::isfinite(value));
    EXPECT_GT(value, 1);
  }
  EXPECT_NEAR(frechet_distance(blank, blank), 0, 1e-6);
  EXPECT_NEAR(frechet_distance(real, real), 0, 1e-6);
  EXPECT_THROW(frechet_distance({}, real), Error);
}

}  // namespace
}  // namespace cigli
