#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "eval/interval.h"

namespace cigli {

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

// Mean of values in [0, 1], one a vote, for new items and new raters.
struct ClusteredMean {
  double value = 0;
  bool alike = true;  // all values are
  ClusteredVariance spread;

  double independent_clusters() const;  // items or raters, whichever are fewer
  // Student's t on the logit scale, by `spread`. Where all values are alike, the exact interval of as many independent
  // votes as there are items or raters, whichever are fewer (Clopper & Pearson, Biometrika 26, 1934), drawn out from
  // the value as far to either end as it lies from it.
  Interval interval(double level) const;
  double p_of_half() const;  // two-sided, that the mean is 1/2; of the same test as the interval
};
// Throws Error without values, and for one outside [0, 1].
ClusteredMean clustered_mean(const std::vector<double>& values, const std::vector<std::int64_t>& items,
                             const std::vector<std::int64_t>& raters);

}  // namespace cigli
