#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <iostream>
#include <map>

#include "eval/metrics/frechet.h"
#include "eval/metrics/mmd.h"
#include "eval/metrics/prdc.h"

namespace cigli {
namespace {

using torch::Tensor;

// In 92 to 98 of 100 studies of Gaussian sets whose distance is known, the 95 % interval holds it.
template <class Study>
void expect_coverage(double truth, const std::string& name, const Study& study, double most = 0.98) {
  constexpr int studies = 500;
  torch::manual_seed(0);
  int covered = 0;
  for (int i = 0; i < studies; ++i) {
    const Interval interval = study();
    covered += interval.low <= truth && truth <= interval.high;
  }
  std::cout << name << ": " << covered << " of " << studies << "\n";
  EXPECT_GE(covered, 0.92 * studies) << name;
  EXPECT_LE(covered, most * studies) << name;
}

Tensor gaussian(std::int64_t rows, std::int64_t columns) { return torch::randn({rows, columns}, torch::kFloat64); }

TEST(CoverageSlow, OfTheFrechetDistance) {
  const auto study = [](std::int64_t n, std::int64_t m, std::int64_t d, double scale, double shift) {
    return [=] {
      const Estimate estimate = estimate_frechet(gaussian(n, d), gaussian(m, d) * scale + shift);
      return jackknife_interval(corrected(estimate.value, estimate.sets), estimate.sets);
    };
  };
  const auto truth = [](std::int64_t d, double scale, double shift) {
    return static_cast<double>(d) * (shift * shift + (scale - 1) * (scale - 1));
  };
  expect_coverage(truth(8, 1.5, 0.2), "200 and 300 rows of 8", study(200, 300, 8, 1.5, 0.2));
  expect_coverage(truth(16, 1.2, 0.3), "400 and 400 rows of 16", study(400, 400, 16, 1.2, 0.3));
  expect_coverage(truth(4, 1, 0.5), "100 and 1000 rows of 4", study(100, 1000, 4, 1, 0.5));
  // As few rows as are corrected at all; the interval is wider than it need be.
  expect_coverage(truth(64, 1.1, 0.05), "128 and 128 rows of 64", study(128, 128, 64, 1.1, 0.05), 1);
}

// What answers a row resembles its target: x and 0.8 x + noise. Taken for independent sets, their distance would be
// corrected for more than its bias.
TEST(CoverageSlow, OfTheFrechetDistanceOfPairedRows) {
  constexpr double mine = 0.8, noise = 0.7, scale = 1.063014581;  // sqrt(mine^2 + noise^2)
  constexpr std::int64_t d = 8;
  expect_coverage(static_cast<double>(d) * (scale - 1) * (scale - 1) + static_cast<double>(d) * 0.04, "400 pairs of 8",
                  [] {
                    const Tensor x = gaussian(400, d), y = mine * x + noise * gaussian(400, d) + 0.2;
                    const Estimate estimate = estimate_frechet(x, y, 1, true);
                    return jackknife_interval(corrected(estimate.value, estimate.sets), estimate.sets);
                  });
}

// E (x.y / D + 1)^3 of independent Gaussians x ~ N(m, s^2 I) and y ~ N(l, t^2 I) in D dimensions, all entries of m
// alike and of l: by the moments of x.y.
double expected_kernel(double d, double m, double s, double l, double t) {
  const double product = d * m * l, xx = d * m * m, yy = d * l * l, s2 = s * s, t2 = t * t;
  const double second = product * product + s2 * yy + t2 * xx + d * s2 * t2;
  const double third =
      product * product * product + 3 * product * (t2 * xx + s2 * yy) + s2 * t2 * (3 * d + 6) * product;
  return third / (d * d * d) + 3 * second / (d * d) + 3 * product / d + 1;
}

TEST(CoverageSlow, OfTheKernelDistance) {
  constexpr std::int64_t d = 16;
  const double truth =
      expected_kernel(d, 0, 1, 0, 1) + expected_kernel(d, 0.3, 1.2, 0.3, 1.2) - 2 * expected_kernel(d, 0, 1, 0.3, 1.2);
  expect_coverage(truth, "polynomial kernel", [] {
    const Estimate estimate = estimate_mmd(gaussian(300, d), gaussian(200, d) * 1.2 + 0.3, polynomial_kernel());
    return jackknife_interval(estimate.value, estimate.sets);
  });
  // E exp(-(x - y)^2 / 2) of a difference with mean m and variance v: exp(-m^2 / (2 (1 + v))) / sqrt(1 + v).
  const auto kernel = [](double mean, double variance) {
    return std::exp(-mean * mean / (2 * (1 + variance))) / std::sqrt(1 + variance);
  };
  expect_coverage(kernel(0, 2) + kernel(0, 2) - 2 * kernel(1, 2), "Gaussian kernel", [] {
    const Estimate estimate = estimate_mmd(gaussian(300, 1), gaussian(200, 1) + 1, gaussian_kernel(1));
    return jackknife_interval(estimate.value, estimate.sets);
  });
}

// What prdc comes to at this n is known from as many other studies. A jackknife is too wide rather than too narrow
// (Efron & Stein 1981), and here all the more: which neighbour is the k-th changes at once.
TEST(CoverageSlow, OfBalls) {
  constexpr int studies = 500;
  torch::manual_seed(1);
  const auto study = [] { return prdc(gaussian(400, 8), gaussian(400, 8) * 0.9 + 0.2, {}); };
  const std::pair<const char*, Prdc::Value Prdc::*> parts[] = {{"precision", &Prdc::precision},
                                                               {"recall", &Prdc::recall},
                                                               {"density", &Prdc::density},
                                                               {"coverage", &Prdc::coverage}};
  std::map<std::string, double> means;
  for (int i = 0; i < studies; ++i) {
    const Prdc found = study();
    for (const auto& [name, part] : parts) means[name] += (found.*part).value / studies;
  }
  std::map<std::string, int> covered;
  for (int i = 0; i < studies; ++i) {
    const Prdc found = study();
    for (const auto& [name, part] : parts) {
      const Interval interval = (found.*part).interval;
      covered[name] += interval.low <= means[name] && means[name] <= interval.high;
    }
  }
  for (const auto& [name, count] : covered) {
    std::cout << name << " of 400 and 400 rows of 8: " << count << " of " << studies << "\n";
    EXPECT_GE(count, 0.92 * studies) << name;
  }
}

}  // namespace
}  // namespace cigli
