#pragma once

#include <cstdint>
#include <vector>

namespace cigli {

struct Interval {
  double low = 0, high = 0;
};

struct BootstrapOptions {
  double level = 0.95;  // confidence, inside (0, 1)
  std::int64_t resamples = 2000;
  std::uint64_t seed = 0;
};

// Percentile bootstrap interval of the mean over rows (Efron & Tibshirani 1993, ch. 13): rows are drawn with
// replacement, each resample gives a mean, and the interval runs between the means' quantiles (linear between order
// statistics). A function of the values' order and the options alone. Rows that all agree give an interval of width 0.
// Throws Error without values.
Interval bootstrap_mean(const std::vector<double>& values, const BootstrapOptions& options = {});

}  // namespace cigli
