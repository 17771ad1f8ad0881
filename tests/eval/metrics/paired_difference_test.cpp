#include <gtest/gtest.h>
#include <torch/torch.h>

#include "eval/metrics/frechet.h"
#include "eval/metrics/jackknife.h"
#include "tests/temporary_folder.h"

namespace cigli {
namespace {

using torch::Tensor;

// A row a group: what leaving groups out says of a mean is then what the rows' variance says.
Tensor rows_of(std::uint64_t seed) {
  torch::manual_seed(seed);
  return torch::randn({kGroups}, torch::kFloat64);
}

// Of the rows but `group`.
double mean_without(const Tensor& rows, std::size_t group) {
  const double sum = rows.sum().item<double>();
  if (group == kWhole) return sum / static_cast<double>(kGroups);
  return (sum - rows[static_cast<std::int64_t>(group)].item<double>()) / static_cast<double>(kGroups - 1);
}

double variance_of_mean(const Tensor& rows) { return rows.var().item<double>() / static_cast<double>(kGroups); }

// The mean of `answers` over that of `targets`.
Estimate lead(const Tensor& answers, const Tensor& targets, bool paired) {
  return estimate_of([&](std::size_t a, std::size_t b) { return mean_without(answers, a) - mean_without(targets, b); },
                     paired);
}

double width(double centre, const Estimate& estimate) {
  const Interval interval = jackknife_interval(centre, estimate.sets);
  return interval.high - interval.low;
}

TEST(EstimateOf, OfPairedSetsWhatTheyShareDropsOut) {
  const Tensor targets = rows_of(1), answers = targets + 0.1 * rows_of(2);
  const Estimate paired = lead(answers, targets, true), apart = lead(answers, targets, false);
  ASSERT_EQ(paired.sets.size(), 1u);
  ASSERT_EQ(apart.sets.size(), 2u);
  EXPECT_NEAR(paired.value, (answers - targets).mean().item<double>(), 1e-12);
  EXPECT_EQ(paired.value, apart.value);
  EXPECT_NEAR(paired.sets[0].variance, variance_of_mean(answers - targets), 1e-12);
  EXPECT_NEAR(apart.sets[0].variance, variance_of_mean(answers), 1e-12);
  EXPECT_NEAR(apart.sets[1].variance, variance_of_mean(targets), 1e-12);
}

TEST(EstimateOf, AFrechetDistanceOfPairedSetsHasTheNarrowerInterval) {
  torch::manual_seed(3);
  const Tensor targets = torch::randn({80, 3}), answers = targets + 0.2 * torch::randn({80, 3}) + 0.3;
  const Estimate paired = estimate_frechet(targets, answers, 1, true), apart = estimate_frechet(targets, answers);
  EXPECT_EQ(paired.value, apart.value);
  EXPECT_LT(width(paired.value, paired), 0.7 * width(apart.value, apart));
  EXPECT_NE(error_of([&] { estimate_frechet(targets, answers.slice(0, 0, 60), 1, true); }).find("80 and 60"),
            std::string::npos);
}

TEST(Difference, OfEqualSetsIsZeroWithoutAnyWidth) {
  torch::manual_seed(4);
  const Tensor real = torch::randn({50, 4}), generated = torch::randn({40, 4}) + 0.5;
  const Estimate once = estimate_frechet(real, generated), again = estimate_frechet(real, generated);
  const Estimate apart = difference(once, again, {true, true});
  EXPECT_EQ(apart.value, 0);
  const Interval interval = jackknife_interval(corrected(apart.value, apart.sets), apart.sets);
  EXPECT_EQ(interval.low, 0);
  EXPECT_EQ(interval.high, 0);
  // Of two sets that are equal by chance nothing is known but their variances.
  EXPECT_GT(width(0, difference(once, again, {false, false})), 0);
}

TEST(Difference, LeavesSharedRowsOutOfBothAtOnce) {
  const Tensor targets = rows_of(5), a = targets + 0.1 * rows_of(6), b = targets + 0.1 * rows_of(7);
  const Estimate of_a = lead(a, targets, false), of_b = lead(b, targets, false);
  const Estimate rows_in_common = difference(of_a, of_b, {true, true});
  ASSERT_EQ(rows_in_common.sets.size(), 2u);
  EXPECT_NEAR(rows_in_common.sets[0].variance, variance_of_mean(a - b), 1e-12);
  EXPECT_NEAR(rows_in_common.sets[1].variance, 0, 1e-12);  // the same targets
  const Estimate others = difference(of_a, of_b, {false, true});
  ASSERT_EQ(others.sets.size(), 3u);
  EXPECT_NEAR(others.sets[0].variance, variance_of_mean(a), 1e-12);
  EXPECT_NEAR(others.sets[1].variance, variance_of_mean(b), 1e-12);
  EXPECT_NEAR(others.sets[2].variance, 0, 1e-12);
  EXPECT_LT(width(rows_in_common.value, rows_in_common), 0.5 * width(others.value, others));
}

TEST(Difference, IsTheFirstLessTheSecond) {
  torch::manual_seed(8);
  const Tensor real = torch::randn({60, 4}), near = torch::randn({60, 4}) + 0.2, far = torch::randn({45, 4}) + 2;
  const Estimate of_far = estimate_frechet(real, far), of_near = estimate_frechet(real, near);
  for (const bool shared : {false, true}) {
    const Estimate apart = difference(of_far, of_near, {true, shared});
    const Estimate turned = difference(of_near, of_far, {true, shared});
    EXPECT_EQ(apart.value, of_far.value - of_near.value);
    EXPECT_EQ(turned.value, -apart.value);
    // Biases differ as the values do.
    const double centre = corrected(apart.value, apart.sets);
    EXPECT_NEAR(centre, corrected(of_far.value, of_far.sets) - corrected(of_near.value, of_near.sets), 1e-9);
    EXPECT_NEAR(corrected(turned.value, turned.sets), -centre, 1e-9);
    EXPECT_GT(jackknife_interval(centre, apart.sets).low, 0);
    EXPECT_LT(jackknife_interval(-centre, turned.sets).high, 0);
  }
}

TEST(Difference, IsOfStatisticsOfAsManySets) {
  const Tensor targets = rows_of(9), answers = rows_of(10);
  const Estimate paired = lead(answers, targets, true), apart = lead(answers, targets, false);
  EXPECT_NE(error_of([&] { difference(paired, apart, {true}); }).find("1 and 2 sets"), std::string::npos);
  EXPECT_NE(error_of([&] { difference(apart, apart, {true}); }), "");
}

}  // namespace
}  // namespace cigli
