#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "eval/interval.h"

namespace cigli {

struct Comparison {
  std::string first, second;  // systems
  double won = 0;             // by the first: 1, 0.5 (a tie), 0
  std::int64_t item = 0, rater = 0;
};

struct Strength {
  std::string system;
  double value = 0;  // log; of mean 0 over the systems
  Interval interval;
};

struct BradleyTerry {
  std::vector<Strength> strengths;  // by name
  double tie = 0;                   // Davidson's nu; 0 without ties
  std::string warning;              // why strengths or intervals can't be trusted; "" where they can
};

// Davidson's model of paired comparisons with ties (JASA 65, 1970, equation 2.3): of systems with strengths log a and
// log b the first wins with probability a / (a + b + nu sqrt(a b)), and they tie with nu sqrt(a b) / (a + b + nu
// sqrt(a b)). Maximum likelihood by Newton's method. Intervals are of new items and raters, as win_rate's. Throws Error
// without comparisons, for systems that no comparison links, a system against itself and votes that are not 0, 0.5
// or 1.
BradleyTerry bradley_terry(const std::vector<Comparison>& comparisons, double level = 0.95);

}  // namespace cigli
