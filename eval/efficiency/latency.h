#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "eval/interval.h"

namespace cigli {

// One call of a system that is measured: how long it took, for how many images.
struct CallTiming {
  double seconds = 0;
  std::int64_t images = 0;
};
using TimedRound = std::vector<CallTiming>;  // in the order of the calls

// A figure with its interval, where there are calls enough for one.
struct MeasuredFigure {
  double value = 0;
  std::optional<Interval> interval;
};

// The seconds that a share of at least 1 - `share` of all calls take or exceed: of n sorted values number
// floor(share n) + 1, the right-continuous inverse of their distribution, so that one slow call in a hundred shows in
// the quantile of 0.99. Throws Error without values, or unless 0 <= share < 1.
double latency_quantile(std::vector<double> seconds, double share);

// Intervals are percentile bootstraps: rounds are drawn with replacement, and within each, as calls that follow each
// other are alike, blocks of ceil(n^(1/3)) calls on a circle (Politis & Romano 1992). None where all rounds together
// have fewer than 10 calls. Each throws Error where there are no calls.

// Quantile of all rounds' calls; std::nullopt where they are fewer than 1 / (1 - share), which can't show it.
std::optional<MeasuredFigure> latency_at(const std::vector<TimedRound>& rounds, double share,
                                         const BootstrapOptions& bootstrap = {});
// Images a second: all images by all calls' seconds.
MeasuredFigure throughput(const std::vector<TimedRound>& rounds, const BootstrapOptions& bootstrap = {});
// The first's throughput by the second's; rounds of one number, which were taken one after the other, are drawn
// together where both have as many.
MeasuredFigure throughput_ratio(const std::vector<TimedRound>& rounds, const std::vector<TimedRound>& reference,
                                const BootstrapOptions& bootstrap = {});

}  // namespace cigli
