#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "eval/interval.h"

namespace cigli {

struct Vote {
  std::int64_t item = 0, rater = 0;
  double won = 0;  // 1, 0.5 (a tie), 0
};

struct WinRate {
  double value = 0;  // mean of the votes
  Interval interval;
  std::int64_t votes = 0, items = 0, raters = 0;
  double effective_votes = 0;  // independent votes without ties that would say as much
  bool underpowered = false;   // 1/2 is in the interval, and effective_votes would seldom find 0.65
  std::string warning;         // why the interval may not cover as often as it says; "" where it should
};

// Interval of the win rate of new items and new raters: Student's t on the logit scale, by clustered_variance. Of
// `options` the level alone counts: variances are, in closed form, what the bootstraps tend to. Where all votes are
// alike, the exact interval of as many votes as there are items or raters, whichever are fewer.
// Throws Error without votes, for a vote that is not 0, 0.5 or 1, and for a level outside (0, 1).
WinRate win_rate(const std::vector<Vote>& votes, const BootstrapOptions& options = {});

struct SideBias {
  double left = 0.5;       // share of the left in votes without ties
  Interval interval;       // 95 %, as win_rate's
  double p = 1;            // two-sided, of 1/2
  bool biased = false;     // p < 0.05
  std::int64_t votes = 0;  // without ties
};

// Do raters prefer a side? `won` is 1 where the left one was chosen, 0 for the right one. Without votes that are no
// ties: 1/2 in [0, 1].
SideBias side_bias(const std::vector<Vote>& votes);

// Variance of a sum of one contribution a vote, of mean 0 over all, where votes on one item and votes of one rater are
// alike: V_items + V_raters - V_votes (Cameron, Gelbach & Miller, JBES 29, 2011), each the bootstrap variance of whole
// clusters in closed form, a sum of squares (two-way resampling would count what is votes' own three times over: Owen,
// Annals of Applied Statistics 1, 2007). Contributions' mean being taken off, pairs of votes that share neither item
// nor rater stand for the rest: the sum is divided by their share of all pairs, 1 - 1/n for n clusters of one kind. Not
// below what it would be were votes independent; one item or one rater alone tells nothing of the others, and is left
// out. Degrees of freedom are Satterthwaite's, from items - 1 and raters - 1, or votes - 1 where votes are independent.
struct ClusteredVariance {
  double variance = 0;
  double independent = 0;  // were votes independent
  double degrees = 1;      // of freedom, of Student's t
  std::int64_t items = 0, raters = 0;
};
ClusteredVariance clustered_variance(const std::vector<double>& contributions, const std::vector<std::int64_t>& items,
                                     const std::vector<std::int64_t>& raters);
// Why so few items or raters do not let an interval be trusted, or "".
std::string few_clusters(std::int64_t items, std::int64_t raters);

}  // namespace cigli
