#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
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

// Of each row a name: rows of one name are a cluster, and not independent. None: each row stands alone.
using Clusters = std::vector<std::string>;
// How many clusters so many rows come in.
std::size_t count_clusters(const Clusters& clusters, std::size_t rows);

// Percentile interval of a bootstrap's resampled statistics: between their quantiles, linear between order statistics,
// that leave (1 - level) / 2 outside on either side. Throws Error without values.
Interval middle_of(std::vector<double> statistics, double level);

// Percentile bootstrap interval of the mean over rows (Efron & Tibshirani 1993, ch. 13): clusters of rows are drawn
// with replacement, each whole, each resample gives the mean of its rows, and the interval runs between the means'
// quantiles (linear between order statistics). A function of the values' order, the clusters' names and the options
// alone. Rows that all agree give an interval of width 0. Throws Error without values.
Interval bootstrap_mean(const std::vector<double>& values, const Clusters& clusters = {},
                        const BootstrapOptions& options = {});

// The same of the ratio of the drawn rows' sums, numerators / denominators. Denominators are not negative; throws Error
// unless one is positive and all three are of one length.
Interval bootstrap_ratio(const std::vector<double>& numerators, const std::vector<double>& denominators,
                         const Clusters& clusters, const BootstrapOptions& options = {});

// Interval of a share over `hits`, each 0 .. 1: bootstrap_mean, and where all rows are 0 or all 1, so that resampling
// shows no spread, Clopper and Pearson's exact interval (Biometrika 1934): no hit in n clusters gives
// [0, 1 - (a/2)^(1/n)] at level 1 - a, all hits its mirror image. Throws Error without values.
Interval share_interval(const std::vector<double>& hits, const Clusters& clusters = {},
                        const BootstrapOptions& options = {});

// Interval of the mean of differences, each -1 .. 1: bootstrap_mean, and where all are -1, 0 or 1, the exact interval
// of a share that all or none have, to both sides around 0. Throws Error without values.
Interval difference_interval(const std::vector<double>& differences, const Clusters& clusters = {},
                             const BootstrapOptions& options = {});

}  // namespace cigli
