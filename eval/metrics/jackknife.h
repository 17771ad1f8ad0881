#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "eval/interval.h"

namespace cigli {

// The delete-a-group jackknife (Quenouille 1956; Shao & Tu 1995, sections 1.1 and 2.3) of a statistic of one or several
// independent sets. Nothing is drawn with replacement: duplicated rows would bias distances between sets.
constexpr std::int64_t kGroups = 10;

// Rows [first, second) of each of `groups` groups of n rows, in order, their sizes as equal as can be
// (numpy.array_split).
std::vector<std::pair<std::int64_t, std::int64_t>> split_evenly(std::int64_t n, std::int64_t groups = kGroups);

// Of one set: `left_out` are the statistic's values without each of its groups in turn, `whole` with all.
struct Jackknife {
  double bias = 0, variance = 0;
  std::int64_t groups = 0;
};
Jackknife jackknife(double whole, const std::vector<double>& left_out);

// Of a statistic of several sets, left out from one at a time, biases and variances add up. The interval lies around
// `centre`, the corrected value or the statistic itself, by Student's t with Satterthwaite's degrees of freedom.
double corrected(double whole, const std::vector<Jackknife>& sets);
Interval jackknife_interval(double centre, const std::vector<Jackknife>& sets, double level = 0.95);

// Quantile of Student's t distribution, p inside (0, 1), degrees of freedom at least 1: to seven digits.
double student_t_quantile(double p, double degrees);

}  // namespace cigli
