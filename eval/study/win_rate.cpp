#include "eval/study/win_rate.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

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
  const double half = student_t_reach(level, mean.spread.degrees) * logit_error(mean);
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

double student_t_tails(double t, double degrees) {
  // The regularised incomplete beta function I_x(degrees / 2, 1 / 2), x = degrees / (degrees + t^2), by its continued
  // fraction (Abramowitz & Stegun 1964, 26.5.8 and 26.7.1), where that converges fast, else of its complement.
  const double x = degrees / (degrees + t * t);
  double a = degrees / 2, b = 0.5, at = x;
  const bool mirrored = x > (a + 1) / (a + b + 2);
  if (mirrored) {
    std::swap(a, b);
    at = t * t / (degrees + t * t);
  }
  if (at <= 0) return mirrored ? 1 : 0;
  double c = 1, d = 1 / (1 - (a + b) * at / (a + 1)), fraction = d;
  for (int m = 1; m < 1000; ++m) {
    const double even = m * (b - m) * at / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / (1 + even * d);
    c = 1 + even / c;
    fraction *= c * d;
    const double odd = -(a + m) * (a + b + m) * at / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / (1 + odd * d);
    c = 1 + odd / c;
    fraction *= c * d;
    if (std::abs(c * d - 1) < 1e-15) break;
  }
  const double area =
      std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(at) + b * std::log1p(-at)) *
      fraction / a;
  return mirrored ? 1 - area : area;
}

double student_t_reach(double level, double degrees) {
  double low = 0, high = 1;
  while (student_t_tails(high, degrees) > 1 - level && high < 1e100) high *= 2;
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (student_t_tails(middle, degrees) > 1 - level ? low : high) = middle;
  }
  return high;
}

}  // namespace cigli
