#include "eval/roc.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>

#include "runtime/error.h"

namespace cigli {
namespace {

// How many of the sorted values are lower, ties by half.
double count_below(const std::vector<double>& sorted, double value) {
  const auto [low, high] = std::equal_range(sorted.begin(), sorted.end(), value);
  return static_cast<double>(low - sorted.begin()) + 0.5 * static_cast<double>(high - low);
}

// Obuchowski's, from the placements: of each positive the share of negatives below it, of each negative that of
// positives above it. Of one cluster of either kind, which tells nothing, that of any value within 0 and 1.
double clustered_variance_of_roc(const std::vector<double>& above, const Clusters& of_positives,
                                 const std::vector<double>& below, const Clusters& of_negatives) {
  const std::size_t with_positives = count_clusters(of_positives, 0), with_negatives = count_clusters(of_negatives, 0);
  if (with_positives < 2 || with_negatives < 2) return 1;
  const auto p = static_cast<double>(above.size()), n = static_cast<double>(below.size());
  const double area = std::accumulate(above.begin(), above.end(), 0.0) / p;
  std::map<std::string, std::pair<double, double>> apart;  // from the area: sums of a cluster's positives, negatives
  for (std::size_t i = 0; i < above.size(); ++i) apart[of_positives[i]].first += above[i] - area;
  for (std::size_t i = 0; i < below.size(); ++i) apart[of_negatives[i]].second += below[i] - area;
  double positive = 0, negative = 0, both = 0;
  for (const auto& [name, sums] : apart) {
    positive += sums.first * sums.first;
    negative += sums.second * sums.second;
    both += sums.first * sums.second;
  }
  const auto unbiased = [](std::size_t count) { return static_cast<double>(count) / static_cast<double>(count - 1); };
  return unbiased(with_positives) * positive / (p * p) + unbiased(with_negatives) * negative / (n * n) +
         2 * unbiased(apart.size()) * both / (p * n);
}

}  // namespace

Score area_under_roc(const std::vector<double>& positives, const std::vector<double>& negatives,
                     const Clusters& of_positives, const Clusters& of_negatives) {
  if (positives.empty() || negatives.empty())
    throw Error("the area under an ROC curve needs values of both kinds, got " + std::to_string(positives.size()) +
                " positives and " + std::to_string(negatives.size()) + " negatives");
  std::vector<double> sorted = negatives;
  std::sort(sorted.begin(), sorted.end());
  double sum = 0;
  for (const double value : positives) sum += count_below(sorted, value);
  const auto p = static_cast<double>(positives.size()), n = static_cast<double>(negatives.size());
  const double area = sum / (p * n);
  const double q1 = area / (2 - area), q2 = 2 * area * area / (1 + area);
  double variance = (area * (1 - area) + (p - 1) * (q1 - area * area) + (n - 1) * (q2 - area * area)) / (p * n);
  Clusters all = of_positives;
  all.insert(all.end(), of_negatives.begin(), of_negatives.end());
  const std::size_t rows = positives.size() + negatives.size(), clusters = count_clusters(all, rows);
  if (clusters < rows) {
    std::vector<double> above, below, sorted_positives = positives;
    std::sort(sorted_positives.begin(), sorted_positives.end());
    for (const double value : positives) above.push_back(count_below(sorted, value) / n);
    for (const double value : negatives) below.push_back(1 - count_below(sorted_positives, value) / p);
    variance = clustered_variance_of_roc(above, of_positives, below, of_negatives);
  }
  const double half = 1.959964 * std::sqrt(std::max(0.0, variance));
  return {area,
          static_cast<std::int64_t>(rows),
          {std::max(0.0, area - half), std::min(1.0, area + half)},
          static_cast<std::int64_t>(clusters)};
}

}  // namespace cigli
