#pragma once

#include <cstdint>
#include <limits>

#include "runtime/options.h"

namespace cigli {

// Votes, ties left out, that a two-sided test of 1/2 at level `alpha` needs to find `win_rate` with probability
// `power`, by the normal approximation n = ((z_{1-alpha/2} / 2 + z_power sqrt(p (1 - p))) / (p - 1/2))^2 (Fleiss, Levin
// & Paik 2003, equation 2.18 without its correction for continuity), rounded up. Throws Error unless win_rate is in
// [0, 1] and not 1/2, power in [1/2, 1) and alpha in (0, 1).
std::int64_t votes_needed(double win_rate, double power = 0.8, double alpha = 0.05);

// The inverse: the smallest win rate above 1/2 that so many votes find, by a test of Student's t with so many degrees
// of freedom; 1 where none is. `votes` need not be whole.
double detectable_win_rate(double votes, double power = 0.8, double alpha = 0.05,
                           double degrees_of_freedom = std::numeric_limits<double>::infinity());

struct StudyPlanOptions {
  double win_rate = 0.65;
  std::int64_t raters = 3;
  double icc = 0.1;
  double ties = 0.15;
  double power = 0.8, alpha = 0.05;
  std::int64_t items_per_rater = 30;
  double seconds = 12;
  double pay = 0;

  void visit(Fields& f) {
    f("win_rate", win_rate, "share of the votes without ties that the better system wins", Range{0.501, 1});
    f("raters", raters, "judgements of an item, each by another rater", Range{1, 1000});
    f("icc", icc, "intraclass correlation of the judgements of an item", Range{0, 1});
    f("ties", ties, "share of ties", Range{0, 0.99});
    f("power", power, "probability to find the win rate", Range{0.5, 0.999});
    f("alpha", alpha, "level of the two-sided test", Range{0.0001, 0.5});
    f("items_per_rater", items_per_rater, "items of a rater's list, at most", Range{1, 10000});
    f("seconds", seconds, "time a judgement takes", Range{0.1, 3600});
    f("pay", pay, "pay of an hour, in any currency", Range{0, 1e6});
  }
};

struct StudyPlan {
  std::int64_t votes = 0;    // independent, ties left out: votes_needed
  double design_effect = 1;  // 1 + (raters - 1) icc (Kish 1965, section 5.4)
  std::int64_t judgements = 0, items = 0, lists = 0;
  double minutes = 0, cost = 0;  // of all raters; checks come on top
};

// How large a study must be. Only the judgements of an item are taken to be alike, as where raters are many.
// Throws Error as votes_needed, and unless raters and items_per_rater are at least 1 and ties below 1.
StudyPlan plan_study(const StudyPlanOptions& options);

}  // namespace cigli
