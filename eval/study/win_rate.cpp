#include "eval/study/win_rate.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "eval/student_t.h"
#include "eval/study/power.h"
#include "runtime/error.h"

namespace cigli {
namespace {

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

// Votes' mean as win_rate and side_bias need it.
struct VoteMean {
  double value = 0, decided = 0;  // decided: votes that are no ties
  bool alike = true;
  ClusteredVariance spread;
};

VoteMean mean_of_votes(const std::vector<Vote>& votes) {
  if (votes.empty()) throw Error("a win rate needs at least one vote");
  VoteMean mean;
  std::vector<double> contributions;
  std::vector<std::int64_t> items, raters;
  for (const Vote& vote : votes) {
    if (vote.won != 0 && vote.won != 0.5 && vote.won != 1)
      throw Error("found a vote of " + std::to_string(vote.won) + ", expected 0, 0.5 or 1");
    mean.value += vote.won / static_cast<double>(votes.size());
    mean.decided += vote.won != 0.5 ? 1 : 0;
    mean.alike = mean.alike && vote.won == votes.front().won;
    items.push_back(vote.item);
    raters.push_back(vote.rater);
  }
  if (mean.alike) mean.value = votes.front().won;
  for (const Vote& vote : votes) contributions.push_back((vote.won - mean.value) / static_cast<double>(votes.size()));
  mean.spread = clustered_variance(contributions, items, raters);
  return mean;
}

double independent_clusters(const VoteMean& mean) {
  return static_cast<double>(std::min(mean.spread.items, mean.spread.raters));
}

// Standard error of the logit.
double logit_error(const VoteMean& mean) { return std::sqrt(mean.spread.variance) / (mean.value * (1 - mean.value)); }

Interval interval_of(const VoteMean& mean, double level) {
  if (mean.alike) {
    const double reach = std::pow((1 - level) / 2, 1 / independent_clusters(mean));
    if (mean.value == 0.5) return {reach / 2, 1 - reach / 2};  // all tie: that not all would moves it half as far
    return mean.value == 0 ? Interval{0, 1 - reach} : Interval{reach, 1};
  }
  if (mean.spread.variance == 0) return {0, 1};  // one rater's second thoughts on one item
  const double middle = std::log(mean.value / (1 - mean.value));
  const double half = student_t_quantile((1 + level) / 2, mean.spread.degrees) * logit_error(mean);
  return {1 / (1 + std::exp(half - middle)), 1 / (1 + std::exp(-half - middle))};
}

}  // namespace

ClusteredVariance clustered_variance(const std::vector<double>& contributions, const std::vector<std::int64_t>& items,
                                     const std::vector<std::int64_t>& raters) {
  std::vector<std::pair<std::int64_t, std::int64_t>> both;
  for (std::size_t i = 0; i < items.size(); ++i) both.emplace_back(items[i], raters[i]);
  const VoteClusters of_items = cluster_votes(contributions, items), of_raters = cluster_votes(contributions, raters);
  const VoteClusters of_votes = cluster_votes(contributions, both);
  const double n = static_cast<double>(contributions.size());

  ClusteredVariance result;
  result.items = static_cast<std::int64_t>(of_items.count);
  result.raters = static_cast<std::int64_t>(of_raters.count);
  if (of_votes.count < 2) return result;
  result.independent = of_votes.squares / (1 - of_votes.pairs / (n * n));
  double squares = of_votes.squares, pairs = of_votes.pairs;
  std::vector<VoteClusters> kinds;
  for (const VoteClusters& kind : {of_items, of_raters})
    if (kind.count > 1) kinds.push_back(kind);
  for (const VoteClusters& kind : kinds) {
    squares += kind.squares - of_votes.squares;
    pairs += kind.pairs - of_votes.pairs;
  }
  const double apart = 1 - pairs / (n * n);
  result.variance = std::max(squares / apart, result.independent);
  result.degrees = of_votes.count - 1;
  if (squares / apart <= result.independent) return result;
  double uncertainty = 0;
  for (const VoteClusters& kind : kinds) uncertainty += std::pow(kind.squares / apart, 2) / (kind.count - 1);
  result.degrees = std::max(1.0, std::pow(result.variance, 2) / uncertainty);
  return result;
}

std::string few_clusters(std::int64_t items, std::int64_t raters) {
  // Simulated studies (StudyCoverageSlow) of 3 raters who differ much cover but 91 % of the time.
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

WinRate win_rate(const std::vector<Vote>& votes, const BootstrapOptions& options) {
  if (!(options.level > 0 && options.level < 1)) throw Error("an interval needs a level inside (0, 1)");
  const VoteMean mean = mean_of_votes(votes);
  WinRate rate;
  rate.value = mean.value;
  rate.interval = interval_of(mean, options.level);
  rate.votes = static_cast<std::int64_t>(votes.size());
  rate.items = mean.spread.items;
  rate.raters = mean.spread.raters;
  const double decided = mean.decided / static_cast<double>(votes.size());
  rate.effective_votes = mean.spread.variance > 0 ? mean.decided * mean.spread.independent / mean.spread.variance
                                                  : decided * independent_clusters(mean);
  rate.underpowered = rate.interval.low <= 0.5 && rate.interval.high >= 0.5 &&
                      (rate.effective_votes == 0 || detectable_win_rate(rate.effective_votes) > 0.65);
  rate.warning = few_clusters(rate.items, rate.raters);
  if (!rate.warning.empty()) return rate;
  if (mean.alike)
    rate.warning = "all votes are alike: the interval is that of " + std::to_string(std::min(rate.items, rate.raters)) +
                   " independent votes";
  else if (rate.effective_votes * std::min(rate.value, 1 - rate.value) < 5)
    rate.warning = "nearly all votes are alike: too few differ for the interval to be trusted";
  return rate;
}

SideBias side_bias(const std::vector<Vote>& votes) {
  std::vector<Vote> decided;
  for (const Vote& vote : votes)
    if (vote.won != 0.5) decided.push_back(vote);
  SideBias bias;
  bias.interval = {0, 1};
  bias.votes = static_cast<std::int64_t>(decided.size());
  if (decided.empty()) return bias;
  const VoteMean mean = mean_of_votes(decided);
  bias.left = mean.value;
  bias.interval = interval_of(mean, 0.95);
  if (mean.alike)
    bias.p = 2 * std::pow(0.5, independent_clusters(mean));
  else if (mean.spread.variance > 0)
    bias.p =
        student_t_tails(std::abs(std::log(mean.value / (1 - mean.value))) / logit_error(mean), mean.spread.degrees);
  bias.biased = bias.p < 0.05;
  return bias;
}

}  // namespace cigli
