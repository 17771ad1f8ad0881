#include "eval/interval.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>
#include <utility>

#include "runtime/error.h"
#include "runtime/philox.h"

namespace cigli {
namespace {

// Quantile of sorted values, linear between order statistics.
double quantile(const std::vector<double>& sorted, double share) {
  const double place = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(std::floor(place));
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

void check(const BootstrapOptions& options) {
  if (!(options.level > 0 && options.level < 1) || options.resamples < 1)
    throw Error("a bootstrap interval needs a level inside (0, 1) and at least one resample");
}

// Of numerators and denominators that are drawn together.
Interval ratio_interval(const std::vector<std::pair<double, double>>& parts, const BootstrapOptions& options) {
  std::vector<double> ratios;
  for (std::int64_t r = 0; r < options.resamples; ++r) {
    Philox random(options.seed, static_cast<std::uint64_t>(r));
    double above = 0, below = 0;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const auto& [numerator, denominator] = parts[random.below(parts.size())];
      above += numerator;
      below += denominator;
    }
    ratios.push_back(above / below);
  }
  return middle_of(std::move(ratios), options.level);
}

}  // namespace

std::size_t count_clusters(const Clusters& clusters, std::size_t rows) {
  return clusters.empty() ? rows : std::set<std::string>(clusters.begin(), clusters.end()).size();
}

Interval middle_of(std::vector<double> statistics, double level) {
  if (statistics.empty()) throw Error("a bootstrap interval needs at least one value");
  std::sort(statistics.begin(), statistics.end());
  const double tail = (1 - level) / 2;
  return {quantile(statistics, tail), quantile(statistics, 1 - tail)};
}

Interval bootstrap_mean(const std::vector<double>& values, const Clusters& clusters, const BootstrapOptions& options) {
  if (values.empty()) throw Error("a bootstrap interval needs at least one value");
  if (count_clusters(clusters, values.size()) < values.size())
    return bootstrap_ratio(values, std::vector<double>(values.size(), 1), clusters, options);
  check(options);
  std::vector<std::pair<double, double>> rows;  // in their order, whatever clusters of one row are called
  for (const double value : values) rows.emplace_back(value, 1.0);
  return ratio_interval(rows, options);
}

Interval bootstrap_ratio(const std::vector<double>& numerators, const std::vector<double>& denominators,
                         const Clusters& clusters, const BootstrapOptions& options) {
  check(options);
  if (numerators.size() != denominators.size() || numerators.size() != clusters.size())
    throw Error("a bootstrap interval of ratios needs as many numerators, denominators and clusters");
  std::map<std::string, std::pair<double, double>> by_name;
  for (std::size_t i = 0; i < numerators.size(); ++i) {
    by_name[clusters[i]].first += numerators[i];
    by_name[clusters[i]].second += denominators[i];
  }
  std::vector<std::pair<double, double>> sums;  // clusters of weight 0 say nothing
  for (const auto& [name, sum] : by_name)
    if (sum.second > 0) sums.push_back(sum);
  if (sums.empty()) throw Error("a bootstrap interval needs at least one value");
  return ratio_interval(sums, options);
}

Interval share_interval(const std::vector<double>& hits, const Clusters& clusters, const BootstrapOptions& options) {
  const Interval interval = bootstrap_mean(hits, clusters, options);
  if (std::adjacent_find(hits.begin(), hits.end(), std::not_equal_to<>()) != hits.end()) return interval;
  const double reach =
      std::pow((1 - options.level) / 2, 1.0 / static_cast<double>(count_clusters(clusters, hits.size())));
  if (hits.front() == 0) return {0, 1 - reach};
  return hits.front() == 1 ? Interval{reach, 1} : interval;
}

Interval difference_interval(const std::vector<double>& differences, const Clusters& clusters,
                             const BootstrapOptions& options) {
  const Interval interval = share_interval(differences, clusters, options);
  if (std::adjacent_find(differences.begin(), differences.end(), std::not_equal_to<>()) != differences.end())
    return interval;
  if (differences.front() == 0) return {-interval.high, interval.high};
  if (differences.front() != -1) return interval;
  const Interval mirrored = share_interval(std::vector<double>(differences.size(), 1), clusters, options);
  return {-mirrored.high, -mirrored.low};
}

}  // namespace cigli
