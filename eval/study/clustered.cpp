#include "eval/study/clustered.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "eval/student_t.h"
#include "runtime/error.h"

namespace cigli {
namespace {

constexpr double kNothing = 1e-20;  // a variance of rounding alone, on a scale of 0 to 1

// Votes that belong together.
struct VoteClusters {
  double squares = 0;           // sum of the squares of their contributions' sums
  double count = 0, pairs = 0;  // clusters; ordered pairs of votes inside one, a vote with itself among them
};

template <class Key>
VoteClusters cluster_votes(const std::vector<double>& contributions, const std::vector<Key>& keys) {
  std::map<Key, std::pair<double, double>> sums;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    auto& [sum, votes] = sums[keys[i]];
    sum += contributions[i];
    votes += 1;
  }
  VoteClusters clusters;
  for (const auto& entry : sums) {
    clusters.squares += entry.second.first * entry.second.first;
    clusters.pairs += entry.second.second * entry.second.second;
    clusters.count += 1;
  }
  return clusters;
}

// Standard error of the logit.
double logit_error(const ClusteredMean& mean) {
  return std::sqrt(mean.spread.variance) / (mean.value * (1 - mean.value));
}

}  // namespace

ClusteredVariance clustered_variance(const std::vector<double>& contributions, const std::vector<std::int64_t>& items,
                                     const std::vector<std::int64_t>& raters, bool contrast) {
  std::vector<std::pair<std::int64_t, std::int64_t>> both;
  for (std::size_t i = 0; i < items.size(); ++i) both.emplace_back(items[i], raters[i]);
  const VoteClusters of_items = cluster_votes(contributions, items), of_raters = cluster_votes(contributions, raters);
  const VoteClusters of_votes = cluster_votes(contributions, both);
  const double n = static_cast<double>(contributions.size());
  const auto alone = [&](const VoteClusters& kind) { return kind.squares / (1 - kind.pairs / (n * n)); };

  ClusteredVariance result;
  result.items = static_cast<std::int64_t>(of_items.count);
  result.raters = static_cast<std::int64_t>(of_raters.count);
  if (of_votes.count < 2) return result;
  result.independent = alone(of_votes);
  double squares = of_votes.squares, pairs = of_votes.pairs, fewest = of_votes.count;
  std::vector<VoteClusters> kinds;
  for (const VoteClusters& kind : {of_items, of_raters})
    if (kind.count > 1) kinds.push_back(kind);
  for (const VoteClusters& kind : kinds) {
    squares += kind.squares - of_votes.squares;
    pairs += kind.pairs - of_votes.pairs;
    fewest = std::min(fewest, kind.count);
  }
  const VoteClusters& floor = contrast && of_items.count > 1 ? of_items : of_votes;
  const double apart = 1 - pairs / (n * n);
  result.variance = squares / apart;
  if (result.variance <= alone(floor)) {
    result.variance = alone(floor);
    result.degrees_of_freedom = floor.count - 1;
    return result;
  }
  double uncertainty = 0;
  for (const VoteClusters& kind : kinds) uncertainty += std::pow(kind.squares / apart, 2) / (kind.count - 1);
  result.degrees_of_freedom = std::max(fewest - 1, std::pow(result.variance, 2) / uncertainty);
  return result;
}

std::string few_clusters(std::int64_t items, std::int64_t raters) {
  // Simulated studies of 3 raters who differ much cover but 91 % of the time (StudyCoverageSlow).
  constexpr std::int64_t least_items = 20, least_raters = 10;
  std::string found;
  if (items < least_items) found += std::to_string(items) + (items == 1 ? " item" : " items");
  if (raters < least_raters)
    found += (found.empty() ? "" : " and ") + std::to_string(raters) + (raters == 1 ? " rater" : " raters");
  if (found.empty()) return "";
  if (items == 1) return found + ": the interval is of this item alone";
  if (raters == 1) return found + ": the interval is of this rater alone";
  return found + ": too few for the interval to be trusted, which takes " + std::to_string(least_items) +
         " items and " + std::to_string(least_raters) + " raters";
}

ClusteredMean clustered_mean(const std::vector<double>& values, const std::vector<std::int64_t>& items,
                             const std::vector<std::int64_t>& raters) {
  if (values.empty()) throw Error("a mean of votes needs at least one");
  const auto n = static_cast<double>(values.size());
  ClusteredMean mean;
  for (const double value : values) {
    if (!(value >= 0 && value <= 1)) throw Error("found a vote of " + std::to_string(value) + ", expected 0 to 1");
    mean.value += value / n;
    mean.all_alike = mean.all_alike && value == values.front();
  }
  if (mean.all_alike) mean.value = values.front();
  std::vector<double> contributions;
  for (const double value : values) contributions.push_back((value - mean.value) / n);
  mean.spread = clustered_variance(contributions, items, raters);
  return mean;
}

double ClusteredMean::independent_clusters() const {
  return static_cast<double>(std::min(spread.items, spread.raters));
}

Interval ClusteredMean::interval(double level) const {
  if (all_alike) {
    const double reach = std::pow((1 - level) / 2, 1 / independent_clusters());
    return {value * reach, 1 - (1 - value) * reach};
  }
  if (spread.variance < kNothing) return {0, 1};  // one rater's second thoughts on one item
  const double middle = std::log(value / (1 - value));
  const double half = student_t_quantile((1 + level) / 2, spread.degrees_of_freedom) * logit_error(*this);
  return {1 / (1 + std::exp(half - middle)), 1 / (1 + std::exp(-half - middle))};
}

double ClusteredMean::p_of_half() const {
  if (all_alike) return std::min(1.0, 2 * std::pow(0.5 / std::max(value, 1 - value), independent_clusters()));
  if (spread.variance < kNothing) return 1;
  return student_t_tails(std::abs(std::log(value / (1 - value))) / logit_error(*this), spread.degrees_of_freedom);
}

}  // namespace cigli
