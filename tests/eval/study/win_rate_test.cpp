#include "eval/study/win_rate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

#include "eval/study/clustered.h"
#include "runtime/error.h"
#include "runtime/philox.h"

namespace cigli {
namespace {

// Raters whose vote for the first system is logistic in margin + the item's effect + the rater's, 15 % ties. In each of
// `judgements` rounds a random order of the items is cut evenly into lists of at most 30, each of another rater.
struct StudyCell {
  std::int64_t items = 100, judgements = 3;
  double item_sd = 0, rater_sd = 0, margin = 0.5;
};
constexpr double kTies = 0.15;

double logistic(double x) { return 1 / (1 + std::exp(-x)); }

std::vector<Vote> simulate_study(const StudyCell& cell, std::uint64_t study) {
  Philox random(2024, study);
  std::vector<double> effects;
  for (std::int64_t i = 0; i < cell.items; ++i) effects.push_back(cell.item_sd * random.normal());
  const std::int64_t lists = (cell.items + 29) / 30;
  std::vector<std::int64_t> order(static_cast<std::size_t>(cell.items));
  std::iota(order.begin(), order.end(), 0);
  std::vector<Vote> votes;
  for (std::int64_t rater = 0; rater < cell.judgements * lists; ++rater) {
    const std::int64_t list = rater % lists;
    if (list == 0) shuffle(order, random);
    const double effect = cell.rater_sd * random.normal();
    for (std::int64_t k = cell.items * list / lists; k < cell.items * (list + 1) / lists; ++k) {
      const std::int64_t item = order[static_cast<std::size_t>(k)];
      const double p = logistic(cell.margin + effects[static_cast<std::size_t>(item)] + effect);
      const bool tie = random.uniform() < kTies, won = random.uniform() < p;
      votes.push_back({item, rater, tie ? 0.5 : won ? 1.0 : 0.0});
    }
  }
  return votes;
}

// Win rate of all items and raters there could be, by the trapezoidal rule over the sum of both effects.
double planted_rate(const StudyCell& cell) {
  const double sd = std::hypot(cell.item_sd, cell.rater_sd);
  double sum = 0, weights = 0;
  for (int i = -800; i <= 800; ++i) {
    const double z = i / 100.0, weight = std::exp(-z * z / 2);
    sum += weight * logistic(cell.margin + sd * z);
    weights += weight;
  }
  return (1 - kTies) * sum / weights + kTies / 2;
}

struct StudyCoverage {
  double share = 0, warned = 0, width = 0, value = 0;  // means over studies
};

StudyCoverage cover(const StudyCell& cell, int studies) {
  StudyCoverage coverage;
  const double planted = planted_rate(cell);
  int covered = 0, warned = 0;
  for (int study = 0; study < studies; ++study) {
    const WinRate rate = win_rate(simulate_study(cell, static_cast<std::uint64_t>(study)));
    covered += rate.interval.low <= planted && planted <= rate.interval.high ? 1 : 0;
    warned += rate.warning.empty() ? 0 : 1;
    coverage.width += (rate.interval.high - rate.interval.low) / studies;
    coverage.value += rate.value / studies;
  }
  coverage.share = static_cast<double>(covered) / studies;
  coverage.warned = static_cast<double>(warned) / studies;
  return coverage;
}

TEST(StudyWinRate, OfIndependentVotesHasTheVarianceOfTheirMean) {
  // Each vote an item and a rater of its own.
  std::vector<double> contributions;
  std::vector<std::int64_t> names;
  for (int i = 0; i < 50; ++i) {
    contributions.push_back((i < 30 ? 0.4 : -0.6) / 50);
    names.push_back(i);
  }
  const ClusteredVariance spread = clustered_variance(contributions, names, names);
  EXPECT_NEAR(spread.variance, 0.24 / 49, 1e-12);
  EXPECT_NEAR(spread.independent, 0.24 / 49, 1e-12);
}

TEST(StudyWinRate, HasTheVarianceOfBothKindsOfClusters) {
  // Three items by three raters, one vote missing: contributions in eighths, worked out by hand.
  const std::vector<double> contributions{3 / 64., 3 / 64., -5 / 64., 3 / 64., 3 / 64., -5 / 64., 3 / 64., -5 / 64.};
  const std::vector<std::int64_t> items{0, 0, 0, 1, 1, 1, 2, 2}, raters{0, 1, 2, 0, 1, 2, 0, 1};
  // Sums by item 1, 1, -2; by rater 9, 1, -10 (of 64); votes five of 3 and three of -5.
  const double square = 64 * 64.;
  const double of_items = (1 + 1 + 4) / square, of_raters = (81 + 1 + 100) / square, of_votes = (45 + 75) / square;
  const double apart = 1 - (22 + 22 - 8) / 64.;  // 9 + 9 + 4 ordered pairs in items and in raters, 8 in votes
  const ClusteredVariance spread = clustered_variance(contributions, items, raters);
  EXPECT_NEAR(spread.independent, of_votes / (1 - 8 / 64.), 1e-15);
  ASSERT_GT((of_items + of_raters - of_votes) / apart, 0);
  EXPECT_NEAR(spread.variance, std::max(spread.independent, (of_items + of_raters - of_votes) / apart), 1e-15);
  const ClusteredVariance contrast = clustered_variance(contributions, items, raters, true);
  EXPECT_NEAR(contrast.variance, std::max(of_items / (1 - 22 / 64.), (of_items + of_raters - of_votes) / apart), 1e-15);
  EXPECT_GE(contrast.degrees_of_freedom, 2);
}

TEST(StudyWinRate, OfRatersWhoAgreeIsThatOfItems) {
  std::vector<Vote> many, one;
  for (int item = 0; item < 40; ++item) {
    const double won = item % 3 == 0 ? 0 : 1;
    for (int rater = 0; rater < 12; ++rater) many.push_back({item, rater, won});
    one.push_back({item, item, won});
  }
  const WinRate all = win_rate(many), single = win_rate(one);
  EXPECT_NEAR(all.value, single.value, 1e-12);
  EXPECT_NEAR(all.interval.low, single.interval.low, 0.01);
  EXPECT_NEAR(all.interval.high, single.interval.high, 0.01);
  EXPECT_NEAR(all.effective_votes, 40, 2);
  EXPECT_EQ(all.warning, "");
}

TEST(StudyWinRate, DependsOnNeitherOrderNorNames) {
  std::vector<Vote> votes = simulate_study({30, 3, 0.5, 0.5}, 1);
  const WinRate before = win_rate(votes);
  std::reverse(votes.begin(), votes.end());
  for (Vote& vote : votes) vote = {7 - vote.item * 3, 100 - vote.rater, vote.won};
  const WinRate after = win_rate(votes);
  EXPECT_NEAR(before.interval.low, after.interval.low, 1e-12);
  EXPECT_NEAR(before.interval.high, after.interval.high, 1e-12);
  for (Vote& vote : votes) vote.won = 1 - vote.won;
  EXPECT_NEAR(win_rate(votes).interval.low, 1 - before.interval.high, 1e-12);
}

TEST(StudyWinRate, OfVotesThatAreAlikeIsExactInItemsOrRaters) {
  std::vector<Vote> votes;
  for (int item = 0; item < 30; ++item)
    for (int rater = 0; rater < 20; ++rater) votes.push_back({item, rater, 1});
  WinRate rate = win_rate(votes);
  EXPECT_EQ(rate.value, 1);
  EXPECT_NEAR(rate.interval.low, 0.8316, 1e-4);  // 20 of 20 in tables of the binomial distribution
  EXPECT_EQ(rate.interval.high, 1);
  EXPECT_FALSE(rate.underpowered);
  EXPECT_NE(rate.warning, "");
  for (Vote& vote : votes) vote.won = 0;
  EXPECT_NEAR(win_rate(votes).interval.high, 0.1684, 1e-4);
  for (Vote& vote : votes) vote.won = 0.5;
  rate = win_rate(votes);
  EXPECT_NEAR(rate.interval.low, 0.4158, 1e-4);
  EXPECT_NEAR(rate.interval.high, 0.5842, 1e-4);
  EXPECT_FALSE(rate.underpowered);  // less than 65 % either way
}

TEST(StudyWinRate, OfOneItemOrRaterWarnsAndHasAWidth) {
  std::vector<Vote> votes;
  for (int i = 0; i < 30; ++i) votes.push_back({i, 0, i % 2 == 0 ? 1.0 : 0.0});
  const WinRate one_rater = win_rate(votes);
  EXPECT_NE(one_rater.warning.find("1 rater: the interval is of this rater alone"), std::string::npos);
  for (Vote& vote : votes) std::swap(vote.item, vote.rater);
  const WinRate one_item = win_rate(votes);
  EXPECT_NE(one_item.warning.find("of this item alone"), std::string::npos);
  for (const WinRate& rate : {one_rater, one_item}) {
    EXPECT_NEAR(rate.interval.high - rate.interval.low, 2 * 2.045 / std::sqrt(4 * 29), 0.03);  // t of 29 degrees
    EXPECT_TRUE(rate.underpowered);
  }
  EXPECT_NEAR(win_rate({{0, 0, 1}}).interval.low, 0.025, 1e-12);
  const WinRate torn = win_rate({{0, 0, 1}, {0, 0, 0}});
  EXPECT_EQ(torn.interval.low, 0);
  EXPECT_EQ(torn.interval.high, 1);
}

TEST(StudyWinRate, IsUnderpoweredWhereEffectiveVotesAreFew) {
  const WinRate few = win_rate(simulate_study({30, 10, 0, 0, 0}, 3));
  EXPECT_FALSE(few.underpowered);  // 255 votes without ties, of which 85 would do
  StudyCell alike{30, 10, 0, 4, 0};
  const WinRate clustered = win_rate(simulate_study(alike, 3));
  EXPECT_LT(clustered.effective_votes, 85);
  EXPECT_TRUE(clustered.underpowered);
}

TEST(StudyWinRate, RefusesWhatIsNoVote) {
  EXPECT_THROW(win_rate({}), Error);
  EXPECT_THROW(win_rate({{0, 0, 0.7}}), Error);
  EXPECT_THROW(win_rate({{0, 0, 1}}, {1, 0.65, 1}), Error);
  EXPECT_THROW(win_rate({{0, 0, 1}}, {0.95, 0.5, 1}), Error);
}

TEST(StudyWinRate, CoversThePlantedRate) {
  for (const StudyCell& cell : {StudyCell{30, 12, 1, 0.5}, StudyCell{100, 5, 0, 0}, StudyCell{100, 3, 0.5, 1},
                                StudyCell{20, 10, 0.5, 0.5}, StudyCell{60, 5, 0.5, 0.5, 2}}) {
    const StudyCoverage coverage = cover(cell, 200);
    EXPECT_NEAR(coverage.value, planted_rate(cell), 0.02);
    EXPECT_EQ(coverage.warned, 0);
    EXPECT_GE(coverage.share, 0.90);  // 95 % of 200 studies, to 3 standard errors
    EXPECT_LE(coverage.share, 0.995);
    EXPECT_LT(coverage.width, 0.3);
  }
}

// At the rate that a study calls detectable, four studies of five find a difference.
TEST(StudyWinRate, FindsWhatItCallsDetectable) {
  for (const StudyCell& shape :
       {StudyCell{100, 3, 0, 0, 0}, StudyCell{100, 12, 0.5, 0.5, 0}, StudyCell{60, 5, 0, 0.5, 0}}) {
    constexpr int studies = 200;
    double detectable = 0;  // mean, of votes without ties
    for (int study = 0; study < studies; ++study)
      detectable += win_rate(simulate_study(shape, static_cast<std::uint64_t>(study))).detectable / studies;
    StudyCell cell = shape;
    const double wanted = (1 - kTies) * detectable + kTies / 2;
    while (planted_rate(cell) < wanted) cell.margin += 0.01;
    int found = 0;
    for (int study = 0; study < studies; ++study) {
      const WinRate rate = win_rate(simulate_study(cell, 1000 + static_cast<std::uint64_t>(study)));
      found += rate.interval.low > 0.5 ? 1 : 0;
      EXPECT_EQ(rate.p<0.05, rate.interval.low> 0.5 || rate.interval.high < 0.5);
    }
    std::printf("%d items x %d: detectable %.3f, found in %.1f %%\n", static_cast<int>(cell.items),
                static_cast<int>(cell.judgements), detectable, 100. * found / studies);
    EXPECT_GE(found, 0.7 * studies);
    EXPECT_LE(found, 0.9 * studies);
  }
}

// 1,000 studies of each cell.
TEST(StudyCoverageSlow, CoversThePlantedRateOrWarns) {
  for (const std::int64_t items : {30, 100, 300})
    for (const std::int64_t judgements : {3, 5, 9})
      for (const double item_sd : {0.0, 0.5, 1.0})
        for (const double rater_sd : {0.0, 0.5, 1.0}) {
          const StudyCell cell{items, judgements, item_sd, rater_sd};
          const StudyCoverage coverage = cover(cell, 1000);
          std::printf("%3d items x %d, sd of items %.1f, of raters %.1f: covers %.1f %%, width %.3f, warns %.0f %%\n",
                      static_cast<int>(items), static_cast<int>(judgements), item_sd, rater_sd, 100 * coverage.share,
                      coverage.width, 100 * coverage.warned);
          if (coverage.warned == 1) continue;
          EXPECT_EQ(coverage.warned, 0);
          EXPECT_GE(coverage.share, 0.92);
          EXPECT_LE(coverage.share, 0.98);
        }
}

TEST(StudySideBias, IsThatOfRatersWhoClickLeft) {
  std::vector<Vote> votes;
  for (int item = 0; item < 30; ++item)
    for (int rater = 0; rater < 12; ++rater)
      votes.push_back({item, rater, (item * 7 + rater * 5) % 10 < 7 ? 1.0 : 0.0});
  const SideBias biased = side_bias(votes);
  EXPECT_NEAR(biased.left, 0.7, 0.01);
  EXPECT_LT(biased.p, 0.001);
  EXPECT_GT(biased.interval.low, 0.5);
  EXPECT_EQ(biased.votes, 360);
  for (Vote& vote : votes) vote.won = (vote.item + vote.rater) % 2;
  EXPECT_GT(side_bias(votes).p, 0.05);
  EXPECT_NEAR(side_bias(votes).left, 0.5, 1e-12);
}

TEST(StudySideBias, SaysSoAsSeldomAsItShouldWithoutOne) {
  int found = 0;
  for (std::uint64_t study = 0; study < 200; ++study)
    found += side_bias(simulate_study({30, 12, 0, 0.5, 0}, study)).p < 0.05 ? 1 : 0;
  EXPECT_LE(found, 20);  // 5 % of 200 to 3 standard errors
}

TEST(StudySideBias, LeavesTiesOut) {
  EXPECT_EQ(side_bias({}).interval.high, 1);
  const SideBias bias = side_bias({{0, 0, 0.5}, {0, 1, 1}, {1, 1, 1}, {1, 0, 0.5}});
  EXPECT_EQ(bias.votes, 2);
  EXPECT_EQ(bias.left, 1);
  EXPECT_EQ(bias.p, 1);  // one rater: as one vote
}

}  // namespace
}  // namespace cigli
