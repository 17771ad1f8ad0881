#include "eval/study/rating.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "runtime/error.h"
#include "runtime/philox.h"

namespace cigli {
namespace {

// Ratings 0, 0.5 and 1 of two systems' images of 60 items by 12 raters each: a latent score of item, rater and chance,
// cut at +-0.6, the second system `gap` below.
struct RatedStudy {
  std::vector<Rating> first, second;
};

double cut(double latent) { return latent < -0.6 ? 0 : latent < 0.6 ? 0.5 : 1; }

// `same_raters`: each rater rates both images of an item, else the second's raters are others than the first's.
RatedStudy simulate_ratings(double gap, std::uint64_t study, bool same_raters = true) {
  Philox random(31, study);
  std::vector<double> items, raters;
  for (int i = 0; i < 60; ++i) items.push_back(0.7 * random.normal());
  for (int r = 0; r < 12; ++r) raters.push_back(0.4 * random.normal());
  RatedStudy made;
  for (std::int64_t i = 0; i < 60; ++i)
    for (std::int64_t r = 0; r < 12; ++r) {
      if ((i + r) % 4 != 0) continue;  // three raters an item
      const std::int64_t other = same_raters ? r : (r + 2) % 12;
      const double item = items[static_cast<std::size_t>(i)];
      made.first.push_back({i, r, cut(item + raters[static_cast<std::size_t>(r)] + random.normal())});
      made.second.push_back({i, other, cut(item + raters[static_cast<std::size_t>(other)] - gap + random.normal())});
    }
  return made;
}

// Of the sum's normal distribution.
double planted_mean(double shift) {
  const double sd = std::sqrt(0.7 * 0.7 + 0.4 * 0.4 + 1);
  const auto above = [&](double cut_at) { return std::erfc((cut_at - shift) / (sd * std::sqrt(2.0))) / 2; };
  return 0.5 * above(-0.6) + 0.5 * above(0.6);
}

TEST(StudyRating, CoversPlantedMeansAndDifferences) {
  constexpr int studies = 400;
  int mean = 0, difference = 0, found = 0;
  const double planted = planted_mean(0) - planted_mean(-0.3);
  for (std::uint64_t study = 0; study < studies; ++study) {
    const RatedStudy made = simulate_ratings(0.3, study);
    const MeanRating rated = mean_rating(made.first, 0, 1);
    mean += rated.interval.low <= planted_mean(0) && planted_mean(0) <= rated.interval.high;
    const RatingDifference apart = rating_difference(made.first, made.second, 0, 1);
    difference += apart.interval.low <= planted && planted <= apart.interval.high;
    EXPECT_EQ(apart.warning + rated.warning, "");
    found += rating_difference(simulate_ratings(0, study).first, simulate_ratings(0, study).second, 0, 1).p < 0.05;
  }
  std::printf("covers means %.1f %%, differences %.1f %%; finds none that is there %.1f %%\n", 100. * mean / studies,
              100. * difference / studies, 100. * found / studies);
  for (const int covered : {mean, difference}) {
    EXPECT_GE(covered, 0.92 * studies);
    EXPECT_LE(covered, 0.985 * studies);
  }
  EXPECT_LE(found, 0.085 * studies);  // 5 % to 3 standard errors
}

// Items are paired though each image has raters of its own, as lists have it: differences are found as often.
TEST(StudyRating, OfOtherRatersIsPairedByItems) {
  constexpr int studies = 400;
  const double planted = planted_mean(0) - planted_mean(-0.3);
  int covered = 0, found = 0, found_by_same = 0;
  for (std::uint64_t study = 0; study < studies; ++study) {
    const RatedStudy made = simulate_ratings(0.3, study, false), same = simulate_ratings(0.3, study);
    const RatingDifference apart = rating_difference(made.first, made.second, 0, 1);
    covered += apart.interval.low <= planted && planted <= apart.interval.high;
    found += apart.p < 0.05;
    found_by_same += rating_difference(same.first, same.second, 0, 1).p < 0.05;
  }
  std::printf("covers differences %.1f %%, finds %.1f %% (same raters %.1f %%)\n", 100. * covered / studies,
              100. * found / studies, 100. * found_by_same / studies);
  EXPECT_GE(covered, 0.92 * studies);
  EXPECT_LE(covered, 0.99 * studies);
  EXPECT_GE(found, 0.6 * found_by_same);
}

TEST(StudyRating, IsOnItsScale) {
  std::vector<Rating> shares, points;
  for (const Rating& rating : simulate_ratings(0, 7).first) {
    shares.push_back(rating);
    points.push_back({rating.item, rating.rater, 1 + 4 * rating.value});
  }
  const MeanRating share = mean_rating(shares, 0, 1), point = mean_rating(points, 1, 5);
  EXPECT_NEAR(point.value, 1 + 4 * share.value, 1e-12);
  EXPECT_NEAR(point.interval.low, 1 + 4 * share.interval.low, 1e-12);
  EXPECT_NEAR(point.interval.high, 1 + 4 * share.interval.high, 1e-12);
  EXPECT_THROW(mean_rating(points, 0, 1), Error);
  EXPECT_THROW(mean_rating({}, 0, 1), Error);
  EXPECT_THROW(mean_rating(shares, 1, 1), Error);
}

TEST(StudyRating, OfTwoSystemsIsPaired) {
  // Items differ much, systems by nearly the same on each: the difference is known far better than either mean.
  std::vector<Rating> high, low;
  for (std::int64_t item = 0; item < 40; ++item)
    for (std::int64_t rater = 0; rater < 12; ++rater) {
      const double base = (item % 4) * 0.2 + ((item * 5 + rater * 3) % 7) * 0.01;
      high.push_back({item, rater, base + 0.1 + ((item * 3 + rater) % 5) * 0.01});
      low.push_back({item, rater, base});
    }
  const RatingDifference apart = rating_difference(high, low, 0, 1);
  EXPECT_NEAR(apart.value, 0.12, 1e-12);
  EXPECT_LT(apart.interval.high - apart.interval.low, 0.02);
  EXPECT_GT(apart.interval.high - apart.interval.low, 1e-4);
  EXPECT_LT(apart.p, 1e-6);
  EXPECT_GT(mean_rating(high, 0, 1).interval.high - mean_rating(high, 0, 1).interval.low, 0.05);
}

TEST(StudyRating, ThatDifferAlikeSaySo) {
  std::vector<Rating> high, low;
  for (std::int64_t item = 0; item < 40; ++item)
    for (std::int64_t rater = 0; rater < 12; ++rater) {
      low.push_back({item, rater, (item % 5) * 0.1});
      high.push_back({item, rater, (item % 5) * 0.1 + 0.3});
    }
  const RatingDifference apart = rating_difference(high, low, 0, 1);
  const double reach = std::pow(0.025, 1 / 12.);
  EXPECT_NEAR(apart.interval.low, 0.3 * reach - (1 - reach), 1e-9);
  EXPECT_NEAR(apart.interval.high, 0.3 * reach + (1 - reach), 1e-9);
  EXPECT_NEAR(apart.p, 2 * std::pow(1.3, -12), 1e-9);
  EXPECT_EQ(apart.warning, "all items differ alike");
}

TEST(StudyRating, ThatAreAlikeSaySo) {
  std::vector<Rating> ones, zeros;
  for (std::int64_t item = 0; item < 30; ++item)
    for (std::int64_t rater = 0; rater < 10; ++rater) {
      ones.push_back({item, rater, 1});
      zeros.push_back({item, rater, 0});
    }
  EXPECT_NEAR(mean_rating(ones, 0, 1).interval.low, 0.6915, 1e-4);  // 10 of 10 in tables of the binomial distribution
  EXPECT_EQ(mean_rating(ones, 0, 1).warning, "all ratings are alike");
  const RatingDifference apart = rating_difference(ones, zeros, 0, 1);
  EXPECT_EQ(apart.value, 1);
  EXPECT_NEAR(apart.p, std::pow(2, -9), 1e-12);
  EXPECT_NEAR(apart.interval.low, 2 * 0.6915 - 1, 2e-4);
  EXPECT_EQ(apart.interval.high, 1);
  EXPECT_EQ(rating_difference(ones, ones, 0, 1).p, 1);
  EXPECT_NE(apart.warning, "");
}

}  // namespace
}  // namespace cigli
