#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "eval/interval.h"

namespace cigli {

// Variance of a sum of contributions, one a vote and of mean 0 over all, where votes on one item and votes of one rater
// are alike: V = (V_items + V_raters - V_votes) / apart, each V_k the sum over clusters of the squared sums of their
// contributions, that is the bootstrap variance over whole clusters in closed form (Cameron, Gelbach & Miller, JBES 29,
// 2011; resampling items and raters at once would count what is votes' own three times: Owen, Annals of
// Applied Statistics 1, 2007). `apart` is the share of all pairs of votes that share neither item nor rater, 1 - 1/n
// for n clusters of one kind: as the mean is taken off, those pairs stand for the rest. Of one item alone, or one
// rater, the other kind's clusters count only.
struct ClusteredVariance {
  double variance = 0;            // not below `independent`; of contrasts not below that of items alone
  double independent = 0;         // were votes independent
  double degrees_of_freedom = 1;  // Satterthwaite's, V^2 / sum(V_k^2 / (n_k - 1)), at least the fewest n_k - 1
  std::int64_t items = 0, raters = 0;
};
// `contrast`: contributions of votes on one item cancel, as those of two systems do, so that votes taken to be
// independent would vary more.
ClusteredVariance clustered_variance(const std::vector<double>& contributions, const std::vector<std::int64_t>& items,
                                     const std::vector<std::int64_t>& raters, bool contrast = false);
// Why so few items or raters do not let an interval be trusted, or "".
std::string few_clusters(std::int64_t items, std::int64_t raters);

// Mean of values in [0, 1], one a vote, for new items and new raters.
struct ClusteredMean {
  double value = 0;
  bool all_alike = true;
  ClusteredVariance spread;

  double independent_clusters() const;  // items or raters, whichever are fewer
  // Student's t on the logit scale, by `spread`. Where all values are alike, as many clusters: at level 1 - a, a share
  // of 1 - (a/2)^(1/n) of all votes may still differ (Clopper & Pearson, Biometrika 26, 1934), and be all 0 or all 1.
  Interval interval(double level) const;
  double p_of_half() const;  // two-sided, that the mean is 1/2; below 1 - level where 1/2 is outside the interval
};
// Throws Error without values, and for one outside [0, 1].
ClusteredMean clustered_mean(const std::vector<double>& values, const std::vector<std::int64_t>& items,
                             const std::vector<std::int64_t>& raters);

}  // namespace cigli
