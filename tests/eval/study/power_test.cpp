#include "eval/study/power.h"

#include <gtest/gtest.h>

#include <cmath>

#include "runtime/error.h"

namespace cigli {
namespace {

TEST(StudyPower, VotesAreThoseOfTheNormalApproximation) {
  EXPECT_EQ(votes_needed(0.55), 783);
  EXPECT_EQ(votes_needed(0.60), 194);
  EXPECT_EQ(votes_needed(0.65), 85);
  EXPECT_EQ(votes_needed(0.70), 47);
  EXPECT_EQ(votes_needed(0.35), 85);
}

TEST(StudyPower, SoManyVotesFindTheWinRateAsOftenAsPlanned) {
  // The binomial distribution's own probability that a z test of 194 votes at 0.6 says so.
  const int n = 194;
  double found = 0;
  for (int k = 0; k <= n; ++k)
    if (std::abs(k - n / 2.0) > 1.959964 * std::sqrt(n) / 2)
      found += std::exp(std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1) + k * std::log(0.6) +
                        (n - k) * std::log(0.4));
  EXPECT_NEAR(found, 0.8, 0.02);
}

TEST(StudyPower, DetectableWinRateIsTheInverse) {
  for (const double rate : {0.51, 0.55, 0.65, 0.9}) {
    const std::int64_t votes = votes_needed(rate, 0.9, 0.01);
    EXPECT_LE(detectable_win_rate(static_cast<double>(votes), 0.9, 0.01), rate);
    EXPECT_GT(detectable_win_rate(static_cast<double>(votes) - 1, 0.9, 0.01), rate);
  }
  EXPECT_EQ(detectable_win_rate(2), 1);
}

TEST(StudyPower, RefusesWhatHasNoAnswer) {
  EXPECT_THROW(votes_needed(0.5), Error);
  EXPECT_THROW(votes_needed(1.01), Error);
  EXPECT_THROW(votes_needed(0.6, 1), Error);
  EXPECT_THROW(votes_needed(0.6, 0.8, 0), Error);
  EXPECT_THROW(detectable_win_rate(0), Error);
  StudyPlanOptions options;
  options.ties = 1;
  EXPECT_THROW(plan_study(options), Error);
}

TEST(StudyPower, PlansAStudy) {
  StudyPlanOptions options;
  options.pay = 15;
  const StudyPlan plan = plan_study(options);
  EXPECT_EQ(plan.votes, 85);
  EXPECT_NEAR(plan.design_effect, 1.2, 1e-12);
  EXPECT_EQ(plan.items, 40);  // 85 * 1.2 / (0.85 * 3), exactly
  EXPECT_EQ(plan.judgements, 120);
  EXPECT_EQ(plan.lists, 6);
  EXPECT_NEAR(plan.minutes, 24, 1e-9);
  EXPECT_NEAR(plan.cost, 6, 1e-9);
}

}  // namespace
}  // namespace cigli
