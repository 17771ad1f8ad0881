#include "eval/interval.h"

#include <gtest/gtest.h>

#include <cmath>

#include "runtime/error.h"
#include "runtime/philox.h"

namespace cigli {
namespace {

TEST(Interval, IsOneValueForOneValue) {
  const Interval interval = bootstrap_mean({0.25});
  EXPECT_EQ(interval.low, 0.25);
  EXPECT_EQ(interval.high, 0.25);
}

TEST(Interval, ApproachesTheNormalIntervalOfAMean) {
  std::vector<double> hits(400, 0);
  std::fill_n(hits.begin(), 120, 1);  // mean 0.3, standard error sqrt(0.3 * 0.7 / 400)
  const double half = 1.96 * std::sqrt(0.3 * 0.7 / 400);
  const Interval interval = bootstrap_mean(hits);
  EXPECT_NEAR(interval.low, 0.3 - half, 0.006);
  EXPECT_NEAR(interval.high, 0.3 + half, 0.006);
  const Interval narrow = bootstrap_mean(hits, {}, {0.5, 2000, 0});
  EXPECT_NEAR(narrow.high - narrow.low, 2 * 0.6745 * std::sqrt(0.3 * 0.7 / 400), 0.006);
}

TEST(Interval, DependsOnTheSeedAlone) {
  const std::vector<double> values{1, 0, 0, 1, 1, 0.5, 0.2};
  const Interval one = bootstrap_mean(values), again = bootstrap_mean(values);
  const Interval other = bootstrap_mean(values, {}, {0.95, 2000, 1});
  EXPECT_EQ(one.low, again.low);
  EXPECT_EQ(one.high, again.high);
  EXPECT_TRUE(one.low != other.low || one.high != other.high);
}

TEST(Interval, CoversTheMeanAsOftenAsItSays) {
  int covered = 0;
  constexpr int trials = 300;
  for (int trial = 0; trial < trials; ++trial) {
    Philox random(99, static_cast<std::uint64_t>(trial));
    std::vector<double> values;
    for (int i = 0; i < 100; ++i) values.push_back(random.uniform() < 0.4 ? 1 : 0);
    const Interval interval = bootstrap_mean(values, {}, {0.9, 400, 0});
    covered += interval.low <= 0.4 && 0.4 <= interval.high;
  }
  EXPECT_NEAR(covered / static_cast<double>(trials), 0.9, 0.06);
}

TEST(Interval, OfAShareIsExactWhereAllRowsAgree) {
  const std::vector<double> none(20, 0), all(20, 1);
  EXPECT_EQ(share_interval(none).low, 0);
  EXPECT_NEAR(share_interval(none).high, 0.1684, 1e-4);  // 0 of 20 in tables of the binomial distribution
  EXPECT_NEAR(share_interval(all).low, 0.8316, 1e-4);
  EXPECT_EQ(share_interval(all).high, 1);
  const std::vector<double> some{0, 1, 1, 0, 0, 1, 0};
  EXPECT_EQ(share_interval(some).low, bootstrap_mean(some).low);
  EXPECT_EQ(share_interval(some).high, bootstrap_mean(some).high);
}

TEST(Interval, OfClustersIsThatOfTheirSums) {
  // Twenty clusters of five rows that agree: as wide as twenty rows, not as a hundred.
  std::vector<double> hits, ones(100, 1), clustered;
  std::vector<std::string> names;
  for (int i = 0; i < 100; ++i) {
    hits.push_back(i / 5 % 2);
    names.push_back(std::to_string(i / 5 + 100));
    if (i % 5 == 0) clustered.push_back(hits.back());
  }
  const Interval interval = bootstrap_ratio(hits, ones, names), expected = bootstrap_mean(clustered);
  EXPECT_NEAR(interval.low, expected.low, 1e-12);
  EXPECT_NEAR(interval.high, expected.high, 1e-12);
  EXPECT_GT(interval.high - interval.low, 1.8 * (bootstrap_mean(hits).high - bootstrap_mean(hits).low));
}

void expect_equal(const Interval& a, const Interval& b) {
  EXPECT_EQ(a.low, b.low);
  EXPECT_EQ(a.high, b.high);
}

TEST(Interval, OfRowsThatStandAloneDrawsThemInTheirOrder) {
  const std::vector<double> values{0.1, 0.7, 0.2, 0.9, 0.4, 0.35, 0.8};
  const BootstrapOptions options{0.95, 300, 5};
  std::vector<double> means;
  for (std::uint64_t r = 0; r < 300; ++r) {
    Philox random(5, r);
    double sum = 0;
    for (std::size_t i = 0; i < values.size(); ++i) sum += values[random.below(values.size())];
    means.push_back(sum / static_cast<double>(values.size()));
  }
  const Clusters names{"g", "b", "e", "a", "f", "d", "c"};
  for (const Clusters& clusters : {Clusters{}, names}) {
    EXPECT_EQ(count_clusters(clusters, values.size()), values.size());
    expect_equal(bootstrap_mean(values, clusters, options), middle_of(means, 0.95));
    expect_equal(share_interval(values, clusters, options), middle_of(means, 0.95));
    expect_equal(difference_interval(values, clusters, options), middle_of(means, 0.95));
  }
}

TEST(Interval, RowsThatAreThereTwiceTellNothingMore) {
  Philox random(3);
  std::vector<double> once, twice;
  Clusters names;
  for (int i = 0; i < 50; ++i) {
    once.push_back(random.uniform());
    for (int copy = 0; copy < 2; ++copy) {
      twice.push_back(once.back());
      names.push_back(std::to_string(i + 100));
    }
  }
  EXPECT_EQ(count_clusters(names, 100), 50U);
  const Interval interval = bootstrap_mean(once), as_rows = bootstrap_mean(twice);
  expect_equal(bootstrap_mean(twice, names), interval);
  EXPECT_LT(as_rows.high - as_rows.low, 0.8 * (interval.high - interval.low));
  // Where all agree, clusters are what is counted.
  for (const double value : {0, 1}) {
    const std::vector<double> rows(50, value);
    expect_equal(share_interval(std::vector<double>(100, value), names), share_interval(rows));
  }
  for (const double value : {-1, 0, 1}) {
    const std::vector<double> rows(50, value);
    expect_equal(difference_interval(std::vector<double>(100, value), names), difference_interval(rows));
  }
}

TEST(Interval, OfRatiosLeavesOutWhatWeighsNothing) {
  const Interval interval = bootstrap_ratio({1, 2, 0}, {2, 4, 0}, {"a", "b", "c"});
  EXPECT_EQ(interval.low, 0.5);
  EXPECT_EQ(interval.high, 0.5);
}

TEST(Interval, RefusesNothing) {
  EXPECT_THROW(bootstrap_mean({}), Error);
  EXPECT_THROW(share_interval({}), Error);
  EXPECT_THROW(bootstrap_ratio({}, {}, {}), Error);
  EXPECT_THROW(bootstrap_ratio({1}, {0}, {"a"}), Error);
  EXPECT_THROW(bootstrap_ratio({1, 2}, {1}, {"a"}), Error);
  EXPECT_THROW(bootstrap_mean({1}, {}, {1.5, 100, 0}), Error);
}

}  // namespace
}  // namespace cigli
