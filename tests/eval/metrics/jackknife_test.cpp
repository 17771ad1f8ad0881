#include "eval/metrics/jackknife.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/temporary_folder.h"

namespace cigli {
namespace {

TEST(Jackknife, SplitsAsEvenlyAsCanBe) {
  using Parts = std::vector<std::pair<std::int64_t, std::int64_t>>;
  EXPECT_EQ(split_evenly(10, 3), (Parts{{0, 4}, {4, 7}, {7, 10}}));
  EXPECT_EQ(split_evenly(2, 3), (Parts{{0, 1}, {1, 2}, {2, 2}}));
}

// Leaving rows out one by one gives a mean's variance, and takes away the bias of a variance over n.
TEST(Jackknife, KnowsMeansAndVariances) {
  const std::vector<double> rows = {1, 4, 2, 8, 5, 7};
  const auto mean = [](const std::vector<double>& x) {
    double sum = 0;
    for (const double v : x) sum += v;
    return sum / static_cast<double>(x.size());
  };
  const auto variance = [&](const std::vector<double>& x) {
    double sum = 0;
    for (const double v : x) sum += (v - mean(x)) * (v - mean(x));
    return sum / static_cast<double>(x.size());
  };
  std::vector<double> means, variances;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::vector<double> rest = rows;
    rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(i));
    means.push_back(mean(rest));
    variances.push_back(variance(rest));
  }
  const Jackknife of_mean = jackknife(mean(rows), means), of_variance = jackknife(variance(rows), variances);
  EXPECT_NEAR(of_mean.bias, 0, 1e-12);
  EXPECT_NEAR(of_mean.variance, variance(rows) * 6 / 5 / 6, 1e-12);
  EXPECT_NEAR(corrected(variance(rows), {of_variance}), variance(rows) * 6 / 5, 1e-12);
  const Interval interval = jackknife_interval(mean(rows), {of_mean});
  EXPECT_NEAR((interval.high - interval.low) / 2, 2.570581836 * std::sqrt(of_mean.variance), 1e-8);
  EXPECT_EQ(jackknife_interval(3, {}).low, 3);
  EXPECT_NE(error_of([] { jackknife(1, {1}); }).find("got 1"), std::string::npos);
}

}  // namespace
}  // namespace cigli
