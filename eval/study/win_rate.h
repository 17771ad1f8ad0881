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
  double p = 1;                // two-sided, of 1/2; below 1 - level where that is outside the interval
  double detectable = 1;       // smallest rate above 1/2 that effective_votes find in four studies of five
  bool underpowered = false;   // 1/2 is in the interval, and what is worth detecting would often not be found
  std::string warning;         // why the interval may not cover as often as it says; "" where it should
};

// Win rate with the interval of clustered_mean. `smallest` is the win rate above 1/2 that is worth detecting. Throws
// Error without votes, for a vote that is not 0, 0.5 or 1, a level outside (0, 1) and a smallest outside (1/2, 1].
WinRate win_rate(const std::vector<Vote>& votes, double level = 0.95, double smallest = 0.65);

struct SideBias {
  double left = 0.5;       // share of the left in votes without ties
  Interval interval;       // 95 %, as win_rate's
  double p = 1;            // two-sided, of 1/2
  std::int64_t votes = 0;  // without ties
};

// Do raters prefer a side? `won` is 1 where the left one was chosen, 0 for the right one. Without votes that are no
// ties: 1/2 in [0, 1].
SideBias side_bias(const std::vector<Vote>& votes);

}  // namespace cigli
