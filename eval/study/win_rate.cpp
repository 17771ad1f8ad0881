#include "eval/study/win_rate.h"

#include <algorithm>

#include "eval/study/clustered.h"
#include "eval/study/power.h"
#include "runtime/error.h"

namespace cigli {
namespace {

ClusteredMean mean_of_votes(const std::vector<Vote>& votes) {
  std::vector<double> values;
  std::vector<std::int64_t> items, raters;
  for (const Vote& vote : votes) {
    if (vote.won != 0 && vote.won != 0.5 && vote.won != 1)
      throw Error("found a vote of " + std::to_string(vote.won) + ", expected 0, 0.5 or 1");
    values.push_back(vote.won);
    items.push_back(vote.item);
    raters.push_back(vote.rater);
  }
  return clustered_mean(values, items, raters);
}

}  // namespace

WinRate win_rate(const std::vector<Vote>& votes, const WinRateOptions& options) {
  const double level = options.level, smallest = options.smallest;
  if (!(level > 0 && level < 1)) throw Error("an interval needs a level inside (0, 1)");
  if (!(smallest > 0.5 && smallest <= 1) || options.tests < 1)
    throw Error("a win rate worth detecting lies above 1/2, up to 1, among one test or more");
  const ClusteredMean mean = mean_of_votes(votes);
  WinRate rate;
  rate.value = mean.value;
  rate.interval = mean.interval(level);
  rate.p = mean.p_of_half();
  rate.votes = static_cast<std::int64_t>(votes.size());
  rate.items = mean.spread.items;
  rate.raters = mean.spread.raters;
  const auto decided =
      static_cast<double>(std::count_if(votes.begin(), votes.end(), [](const Vote& vote) { return vote.won != 0.5; }));
  const bool spread = !mean.all_alike && mean.spread.variance > 0;
  rate.effective_votes = spread ? decided * mean.spread.independent / mean.spread.variance
                                : decided / static_cast<double>(votes.size()) * mean.independent_clusters();
  const double degrees_of_freedom =
      spread ? mean.spread.degrees_of_freedom : std::max(1.0, mean.independent_clusters() - 1);
  const double alpha = (1 - level) / static_cast<double>(options.tests);
  if (rate.effective_votes > 0)
    rate.detectable = detectable_win_rate(rate.effective_votes, 0.8, alpha, degrees_of_freedom);
  const bool alike = rate.interval.low > 1 - smallest && rate.interval.high < smallest;
  rate.underpowered = rate.p >= alpha && !alike && rate.detectable > smallest;
  rate.warning = few_clusters(rate.items, rate.raters);
  if (!rate.warning.empty()) return rate;
  if (mean.all_alike)
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
  const ClusteredMean mean = mean_of_votes(decided);
  bias.left = mean.value;
  bias.interval = mean.interval(0.95);
  bias.p = mean.p_of_half();
  return bias;
}

}  // namespace cigli
