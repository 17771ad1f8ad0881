#include "eval/study/bradley_terry.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "eval/study/win_rate.h"
#include "runtime/error.h"
#include "runtime/philox.h"

namespace cigli {
namespace {

// Each of `raters` raters judges each of 60 items once, on a random pair of four systems, whose strengths are for each
// rater others by `taste`, a standard deviation.
std::vector<Comparison> simulate_systems(const std::vector<double>& strengths, double tie, int raters,
                                         std::uint64_t study, double taste = 0) {
  Philox random(7, study);
  std::vector<Comparison> comparisons;
  for (int rater = 0; rater < raters; ++rater) {
    std::vector<double> own = strengths;
    if (taste > 0)
      for (double& strength : own) strength += taste * random.normal();
    for (int item = 0; item < 60; ++item) {
      const std::size_t first = random.below(4), second = (first + 1 + random.below(3)) % 4;
      const double a = std::exp(own[first]), b = std::exp(own[second]), both = tie * std::sqrt(a * b);
      const double place = random.uniform() * (a + b + both);
      const double won = place < a ? 1 : place < a + both ? 0.5 : 0;
      comparisons.push_back({std::string(1, static_cast<char>('a' + first)),
                             std::string(1, static_cast<char>('a' + second)), won, item, rater});
    }
  }
  return comparisons;
}

TEST(BradleyTerry, RecoversPlantedStrengthsAndTies) {
  const std::vector<double> planted{0.8, 0.1, -0.2, -0.7};
  const BradleyTerry fitted = bradley_terry(simulate_systems(planted, 0.4, 200, 0));
  ASSERT_EQ(fitted.strengths.size(), 4U);
  double sum = 0;
  for (std::size_t s = 0; s < 4; ++s) {
    EXPECT_NEAR(fitted.strengths[s].value, planted[s], 0.08) << fitted.strengths[s].system;
    EXPECT_EQ(fitted.strengths[s].system, std::string(1, static_cast<char>('a' + s)));
    sum += fitted.strengths[s].value;
  }
  EXPECT_NEAR(sum, 0, 1e-9);
  EXPECT_NEAR(fitted.tie, 0.4, 0.04);
  EXPECT_EQ(fitted.warning, "");
}

TEST(BradleyTerry, CoversPlantedStrengths) {
  const std::vector<double> planted{0.8, 0.1, -0.2, -0.7};
  int covered = 0;
  for (std::uint64_t study = 0; study < 100; ++study) {
    const BradleyTerry fitted = bradley_terry(simulate_systems(planted, 0.4, 12, study));
    for (std::size_t s = 0; s < 4; ++s)
      covered += fitted.strengths[s].interval.low <= planted[s] && planted[s] <= fitted.strengths[s].interval.high;
  }
  EXPECT_NEAR(covered / 400.0, 0.95, 0.04);
}

TEST(BradleyTerry, CoversStrengthsOfRatersWhoDiffer) {
  const std::vector<double> planted{0.8, 0.1, -0.2, -0.7};
  int covered = 0;
  double width = 0;
  for (std::uint64_t study = 0; study < 200; ++study) {
    const BradleyTerry fitted = bradley_terry(simulate_systems(planted, 0.4, 15, study, 0.4));
    for (std::size_t s = 0; s < 4; ++s) {
      covered += fitted.strengths[s].interval.low <= planted[s] && planted[s] <= fitted.strengths[s].interval.high;
      width += (fitted.strengths[s].interval.high - fitted.strengths[s].interval.low) / 800;
    }
  }
  std::printf("covers strengths %.1f %%, mean width %.2f\n", 100 * covered / 800., width);
  EXPECT_GE(covered, 0.92 * 800);
  EXPECT_LE(covered, 0.985 * 800);
}

TEST(BradleyTerry, OfTwoSystemsIsTheClosedForm) {
  // 12 wins, 6 losses, 9 ties, by Davidson's equations: half of log(12 / 6) each, nu = 9 / sqrt(12 * 6).
  std::vector<Comparison> comparisons;
  std::vector<Vote> votes;
  for (int i = 0; i < 27; ++i) {
    comparisons.push_back({"x", "y", i < 12 ? 1 : i < 18 ? 0 : 0.5, i % 7, i % 4});
    if (i < 18) votes.push_back({i % 7, i % 4, comparisons.back().won});
  }
  BradleyTerry fitted = bradley_terry(comparisons);
  EXPECT_NEAR(fitted.strengths[0].value, std::log(2.0) / 2, 1e-9);
  EXPECT_NEAR(fitted.strengths[1].value, -std::log(2.0) / 2, 1e-9);
  EXPECT_NEAR(fitted.tie, 9 / std::sqrt(72.0), 1e-9);

  // Without ties it is the win rate's logit, and so is its interval.
  comparisons.resize(18);
  fitted = bradley_terry(comparisons);
  EXPECT_EQ(fitted.tie, 0);
  const Interval interval = win_rate(votes).interval;
  EXPECT_NEAR(2 * fitted.strengths[0].interval.low, std::log(interval.low / (1 - interval.low)), 1e-6);
  EXPECT_NEAR(2 * fitted.strengths[0].interval.high, std::log(interval.high / (1 - interval.high)), 1e-6);
}

TEST(BradleyTerry, DependsOnNeitherOrderNorSides) {
  std::vector<Comparison> comparisons = simulate_systems({0.8, 0.1, -0.2, -0.7}, 0.4, 12, 3);
  const BradleyTerry before = bradley_terry(comparisons);
  std::reverse(comparisons.begin(), comparisons.end());
  for (std::size_t i = 0; i < comparisons.size(); i += 2) {
    std::swap(comparisons[i].first, comparisons[i].second);
    comparisons[i].won = 1 - comparisons[i].won;
  }
  const BradleyTerry after = bradley_terry(comparisons);
  EXPECT_NEAR(before.tie, after.tie, 1e-9);
  for (std::size_t s = 0; s < 4; ++s) {
    EXPECT_NEAR(before.strengths[s].value, after.strengths[s].value, 1e-9);
    EXPECT_NEAR(before.strengths[s].interval.low, after.strengths[s].interval.low, 1e-9);
    EXPECT_NEAR(before.strengths[s].interval.high, after.strengths[s].interval.high, 1e-9);
  }
}

TEST(BradleyTerry, WarnsWhereStrengthsWouldBeInfinite) {
  std::vector<Comparison> comparisons;
  for (int i = 0; i < 30; ++i) {
    comparisons.push_back({"a", "b", 1, i, i});
    comparisons.push_back({"b", "c", i % 2 == 0 ? 1.0 : 0.0, i, i});
  }
  const BradleyTerry fitted = bradley_terry(comparisons);
  EXPECT_NE(fitted.warning.find("'a' never lost"), std::string::npos) << fitted.warning;
  EXPECT_NEAR(fitted.strengths[0].value - fitted.strengths[1].value, std::log(30.5 / 0.5), 1e-6);
  EXPECT_NEAR(fitted.strengths[1].value, fitted.strengths[2].value, 1e-6);
  // Of 30.5 wins to 0.5 the logit's variance is 1 / 30.5 + 1 / 0.5, of which 'a' moves by two thirds.
  EXPECT_GT(fitted.strengths[0].interval.high - fitted.strengths[0].value, 1.96 * 2 / 3 * std::sqrt(2.0));

  // Ties alone: equal strengths.
  for (Comparison& comparison : comparisons) comparison.won = 0.5;
  const BradleyTerry tied = bradley_terry(comparisons);
  EXPECT_NE(tied.warning, "");
  EXPECT_NEAR(tied.strengths[0].value, 0, 1e-9);
}

TEST(BradleyTerry, WarnsOfFewRaters) {
  EXPECT_NE(bradley_terry(simulate_systems({0, 0, 0, 0}, 0.4, 3, 0)).warning.find("3 raters"), std::string::npos);
}

TEST(BradleyTerry, RefusesWhatCannotBeCompared) {
  EXPECT_THROW(bradley_terry({}), Error);
  EXPECT_THROW(bradley_terry({{"a", "a", 1}}), Error);
  EXPECT_THROW(bradley_terry({{"a", "b", 0.3}}), Error);
  EXPECT_THROW(bradley_terry({{"a", "b", 1}, {"b", "a", 1}, {"c", "d", 0}, {"d", "c", 0}}), Error);
}

}  // namespace
}  // namespace cigli
