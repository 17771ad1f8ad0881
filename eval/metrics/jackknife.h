#pragma once

#include <torch/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
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
  std::vector<double> left_out;  // what they came from
};
Jackknife jackknife(double whole, const std::vector<double>& left_out);

// Of a statistic of several sets, left out from one at a time, biases and variances add up. The interval lies around
// `centre`, the corrected value or the statistic itself, by Student's t with Satterthwaite's degrees of freedom.
double corrected(double whole, const std::vector<Jackknife>& sets);
Interval jackknife_interval(double centre, const std::vector<Jackknife>& sets, double level = 0.95);

// A statistic with what leaving out from each of its sets does.
struct Estimate {
  double value = 0;
  std::vector<Jackknife> sets;
};
// Of a statistic of two sets: `of(a, b)` is its value without group a of the first and group b of the second, where
// kWhole leaves none out. Of sets whose rows of one number belong together, like targets and what was generated for
// them, both lose a group at once, so that what they share drops out: one Jackknife; else one each.
constexpr std::size_t kWhole = static_cast<std::size_t>(-1);
void check_pairing(const torch::Tensor& a, const torch::Tensor& b, bool paired);  // Error unless rows are as many
Estimate estimate_of(const std::function<double(std::size_t a, std::size_t b)>& of, bool paired);
// a - b of a statistic of the same sets but for some: those whose groups hold the same rows in both, by `shared`, are
// left out from both at once, so that what they share drops out; of others the variances add up.
Estimate difference(const Estimate& a, const Estimate& b, const std::vector<bool>& shared);

}  // namespace cigli
