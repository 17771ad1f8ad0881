#include "eval/efficiency/latency.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "runtime/philox.h"
#include "tests/temporary_folder.h"

namespace cigli {
namespace {

TimedRound round_of(const std::vector<double>& seconds, std::int64_t images = 1) {
  TimedRound round;
  for (const double s : seconds) round.push_back({s, images});
  return round;
}

TEST(LatencyQuantile, IsWhatTheRestOfTheCallsTakeOrExceed) {
  std::vector<double> seconds(100);
  std::iota(seconds.begin(), seconds.end(), 1);
  EXPECT_EQ(latency_quantile(seconds, 0), 1);
  EXPECT_EQ(latency_quantile(seconds, 0.5), 51);
  EXPECT_EQ(latency_quantile(seconds, 0.9), 91);
  EXPECT_EQ(latency_quantile(seconds, 0.99), 100);
  EXPECT_EQ(latency_quantile({3, 1, 2}, 0.5), 2);
  EXPECT_EQ(latency_quantile({3, 1, 2, 4}, 0.5), 3);
  EXPECT_NE(error_of([] { latency_quantile({}, 0.5); }), "");
  EXPECT_NE(error_of([] { latency_quantile({1}, 1); }), "");
}

TEST(LatencyQuantile, OneSlowCallInAHundredMovesTheNinetyNinthAndNotTheMedian) {
  for (const int n : {100, 300, 400, 1000}) {
    std::vector<double> seconds;
    for (int i = 1; i <= n; ++i) seconds.push_back(i % 100 == 0 ? 5 : 1);
    EXPECT_EQ(latency_quantile(seconds, 0.99), 5) << n;
    EXPECT_EQ(latency_quantile(seconds, 0.98), 1) << n;
    EXPECT_EQ(latency_quantile(seconds, 0.5), 1) << n;
  }
}

TEST(LatencyAt, NeedsCallsEnoughToShowIt) {
  const std::vector<TimedRound> few{round_of(std::vector<double>(50, 1))};
  EXPECT_TRUE(latency_at(few, 0.5));
  EXPECT_TRUE(latency_at(few, 0.9));
  EXPECT_FALSE(latency_at(few, 0.99));
  EXPECT_TRUE(latency_at({few[0], few[0]}, 0.99));
  EXPECT_FALSE(latency_at({round_of({1, 2, 3})}, 0.5)->interval);
  EXPECT_NE(error_of([] { latency_at({}, 0.5); }), "");
}

TEST(Throughput, IsAllImagesByAllSeconds) {
  const std::vector<TimedRound> rounds{round_of({1, 3}, 4), round_of({2}, 10)};
  EXPECT_DOUBLE_EQ(throughput(rounds).value, 3);
  EXPECT_FALSE(throughput(rounds).interval);
  const MeasuredFigure steady = throughput({round_of(std::vector<double>(20, 0.5), 2)});
  EXPECT_DOUBLE_EQ(steady.value, 4);
  EXPECT_DOUBLE_EQ(steady.interval->low, 4);
  EXPECT_DOUBLE_EQ(steady.interval->high, 4);
}

// Calls that are alike for long stretches say less than as many that are independent.
TEST(Throughput, IntervalsAreWiderWhereCallsThatFollowEachOtherAreAlike) {
  Philox random(3);
  std::vector<double> shuffled, stretched;
  for (int i = 0; i < 1000; ++i) stretched.push_back((i / 50) % 2 == 0 ? 1 : 2);
  shuffled = stretched;
  shuffle(shuffled, random);
  const Interval apart = *throughput({round_of(shuffled)}).interval;
  const Interval alike = *throughput({round_of(stretched)}).interval;
  EXPECT_GT(alike.high - alike.low, 2 * (apart.high - apart.low));
}

TEST(Throughput, IntervalsCoverTheTruth) {
  int covered = 0;
  for (std::uint64_t study = 0; study < 200; ++study) {
    Philox random(11, study);
    std::vector<double> seconds;
    for (int i = 0; i < 200; ++i) seconds.push_back(1 - std::log1p(-random.uniform()));  // mean 2
    const Interval interval = *throughput({round_of(seconds)}, {0.95, 400, study}).interval;
    covered += interval.low <= 0.5 && 0.5 <= interval.high;
  }
  EXPECT_GE(covered, 176);  // 88 %
  EXPECT_LE(covered, 199);
}

TEST(ThroughputRatio, PairsRoundsThatWereTakenTogether) {
  // A machine that is twice as slow in every other round: the ratio of the two is 2 in each.
  std::vector<TimedRound> fast, slow;
  for (int round = 0; round < 6; ++round) {
    const double speed = round % 2 == 0 ? 1 : 2;
    fast.push_back(round_of(std::vector<double>(5, speed)));
    slow.push_back(round_of(std::vector<double>(5, 2 * speed)));
  }
  const MeasuredFigure ratio = throughput_ratio(fast, slow);
  EXPECT_DOUBLE_EQ(ratio.value, 2);
  EXPECT_DOUBLE_EQ(ratio.interval->low, 2);
  EXPECT_DOUBLE_EQ(ratio.interval->high, 2);
  EXPECT_FALSE(throughput_ratio({fast[0]}, slow).interval);
  EXPECT_LT(throughput(fast).interval->low, throughput(fast).value);
}

}  // namespace
}  // namespace cigli
