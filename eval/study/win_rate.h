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
  double p = 1;  // two-sided, of 1/2; below 1 - level where that is outside the interval
  // Votes that are no ties, divided by the design effect: the votes' variance over what it were, were they independent.
  double effective_votes = 0;
  double detectable = 1;      // smallest share of votes that are no ties which so many find in four studies of five
  bool underpowered = false;  // neither found to differ from 1/2 nor to differ by less than is worth detecting
  std::string warning;        // why the interval may not cover as often as it says; "" where it should
};

struct WinRateOptions {
  double level = 0.95;     // of the interval, inside (0, 1)
  double smallest = 0.65;  // win rate above 1/2 that is worth detecting, up to 1
  std::int64_t tests = 1;  // among which this one is: `detectable` is at a level of (1 - level) / tests
};

// Win rate with the interval of clustered_mean. It is underpowered unless p is below (1 - level) / tests, the interval
// lies within `smallest` and 1 - smallest, or smallest is detectable. Throws Error without votes, for a vote that is
// not 0, 0.5 or 1, and for options outside their range.
WinRate win_rate(const std::vector<Vote>& votes, const WinRateOptions& options = {});

struct SideBias {
  double left = 0.5;       // share of the left in votes without ties
  Interval interval;       // 95 %, as win_rate's
  double p = 1;            // two-sided, of 1/2
  std::int64_t votes = 0;  // without ties
};

// Do raters prefer a side? As sides alternate within items, raters who see a difference make the test err on the side
// of none. `won` is 1 where the left one was chosen, 0 for the right one. Without votes that are no ties: 1/2 in [0,
// 1].
SideBias side_bias(const std::vector<Vote>& votes);

}  // namespace cigli
