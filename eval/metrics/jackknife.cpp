#include "eval/metrics/jackknife.h"

#include <algorithm>
#include <cmath>

#include "eval/student_t.h"
#include "runtime/error.h"

namespace cigli {

std::vector<std::pair<std::int64_t, std::int64_t>> split_evenly(std::int64_t n, std::int64_t groups) {
  std::vector<std::pair<std::int64_t, std::int64_t>> parts;
  for (std::int64_t g = 0, from = 0; g < groups; ++g) {
    const std::int64_t until = from + n / groups + (g < n % groups ? 1 : 0);
    parts.emplace_back(from, until);
    from = until;
  }
  return parts;
}

Jackknife jackknife(double whole, const std::vector<double>& left_out) {
  if (left_out.size() < 2) throw Error("a jackknife needs two groups, got " + std::to_string(left_out.size()));
  const auto groups = static_cast<double>(left_out.size());
  double mean = 0, squares = 0;
  for (const double value : left_out) mean += value / groups;
  for (const double value : left_out) squares += (value - mean) * (value - mean);
  return {(groups - 1) * (mean - whole), squares * (groups - 1) / groups, static_cast<std::int64_t>(left_out.size()),
          left_out};
}

double corrected(double whole, const std::vector<Jackknife>& sets) {
  for (const Jackknife& set : sets) whole -= set.bias;
  return whole;
}

Interval jackknife_interval(double centre, const std::vector<Jackknife>& sets, double level) {
  double variance = 0, over_degrees = 0;
  for (const Jackknife& set : sets) {
    variance += set.variance;
    over_degrees += set.variance * set.variance / static_cast<double>(set.groups - 1);
  }
  if (!(variance > 0)) return {centre, centre};
  const double half = student_t_quantile((1 + level) / 2, variance * variance / over_degrees) * std::sqrt(variance);
  return {centre - half, centre + half};
}

void check_pairing(const torch::Tensor& a, const torch::Tensor& b, bool paired) {
  if (paired && a.size(0) != b.size(0))
    throw Error("paired sets of " + std::to_string(a.size(0)) + " and " + std::to_string(b.size(0)) + " rows");
}

Estimate estimate_of(const std::function<double(std::size_t a, std::size_t b)>& of, bool paired) {
  Estimate estimate{of(kWhole, kWhole), {}};
  std::vector<double> without_first, without_second;
  for (std::size_t g = 0; g < static_cast<std::size_t>(kGroups); ++g) {
    without_first.push_back(of(g, paired ? g : kWhole));
    if (!paired) without_second.push_back(of(kWhole, g));
  }
  estimate.sets.push_back(jackknife(estimate.value, without_first));
  if (!paired) estimate.sets.push_back(jackknife(estimate.value, without_second));
  return estimate;
}

Estimate difference(const Estimate& a, const Estimate& b, const std::vector<bool>& shared) {
  if (a.sets.size() != b.sets.size() || a.sets.size() != shared.size())
    throw Error("a difference of statistics of " + std::to_string(a.sets.size()) + " and " +
                std::to_string(b.sets.size()) + " sets");
  Estimate found{a.value - b.value, {}};
  for (std::size_t set = 0; set < shared.size(); ++set) {
    const Jackknife &of_a = a.sets[set], &of_b = b.sets[set];
    if (!shared[set]) {
      found.sets.push_back(of_a);
      found.sets.push_back(of_b);
      found.sets.back().bias *= -1;
      continue;
    }
    std::vector<double> left_out;
    for (std::size_t g = 0; g < of_a.left_out.size(); ++g) left_out.push_back(of_a.left_out[g] - of_b.left_out.at(g));
    found.sets.push_back(jackknife(found.value, left_out));
  }
  return found;
}

}  // namespace cigli
