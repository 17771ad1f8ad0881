#include "eval/study/power.h"

#include <cmath>

#include "eval/student_t.h"
#include "runtime/error.h"

namespace cigli {
namespace {

// What votes_needed rounds up, by the quantiles of 1 - alpha/2 and of the power; falls from infinity at 1/2.
struct VotesNeeded {
  VotesNeeded(double power, double alpha, double degrees_of_freedom) {
    if (!(power >= 0.5 && power < 1) || !(alpha > 0 && alpha < 1))
      throw Error("the votes a study needs: expected a power from 1/2 to below 1 and an alpha between 0 and 1");
    critical = student_t_quantile(1 - alpha / 2, degrees_of_freedom);
    reached = student_t_quantile(power, degrees_of_freedom);
  }
  double operator()(double win_rate) const {
    return std::pow((critical / 2 + reached * std::sqrt(win_rate * (1 - win_rate))) / (win_rate - 0.5), 2);
  }
  double critical = 0, reached = 0;
};

// Rounded up, but for the last digits of the arithmetic.
std::int64_t whole_above(double value) { return static_cast<std::int64_t>(std::ceil(value * (1 - 1e-12))); }

}  // namespace

std::int64_t votes_needed(double win_rate, double power, double alpha) {
  if (!(win_rate >= 0 && win_rate <= 1) || std::abs(win_rate - 0.5) < 1e-6)
    throw Error("the votes a study needs: expected a win rate from 0 to 1 that is not 1/2");
  return whole_above(VotesNeeded(power, alpha, std::numeric_limits<double>::infinity())(win_rate));
}

double detectable_win_rate(double votes, double power, double alpha, double degrees_of_freedom) {
  if (!(votes > 0)) throw Error("a detectable win rate needs more than 0 votes");
  const VotesNeeded needed(power, alpha, degrees_of_freedom);
  double low = 0.5, high = 1;
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (needed(middle) > votes ? low : high) = middle;
  }
  return high;
}

StudyPlan plan_study(const StudyPlanOptions& options) {
  if (options.raters < 1 || options.items_per_rater < 1 || !(options.ties >= 0 && options.ties < 1))
    throw Error("a study plan needs at least one rater an item, one item a rater and a share of ties below 1");
  StudyPlan plan;
  plan.votes = votes_needed(options.win_rate, options.power, options.alpha);
  plan.design_effect = 1 + static_cast<double>(options.raters - 1) * options.icc;
  plan.items = whole_above(static_cast<double>(plan.votes) * plan.design_effect /
                           ((1 - options.ties) * static_cast<double>(options.raters)));
  plan.judgements = plan.items * options.raters;
  plan.lists = options.raters * ((plan.items + options.items_per_rater - 1) / options.items_per_rater);
  plan.minutes = static_cast<double>(plan.judgements) * options.seconds / 60;
  plan.cost = plan.minutes / 60 * options.pay;
  return plan;
}

}  // namespace cigli
