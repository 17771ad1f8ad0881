#include "eval/metrics/jackknife.h"

#include <algorithm>
#include <cmath>

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
  return {(groups - 1) * (mean - whole), squares * (groups - 1) / groups, static_cast<std::int64_t>(left_out.size())};
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

double student_t_quantile(double p, double degrees) {
  // With t = sqrt(degrees) tan(a), the density of the angle a is proportional to cos(a)^(degrees - 1).
  const auto area = [&](double to) {  // from 0, by Simpson's rule
    constexpr int steps = 2000;
    const auto density = [&](double angle) { return std::pow(std::cos(angle), degrees - 1); };
    double sum = density(0) + density(to);
    for (int i = 1; i < steps; ++i) sum += density(to * i / steps) * (i % 2 == 1 ? 4 : 2);
    return sum * to / (3 * steps);
  };
  const double right = std::acos(-1.0) / 2;
  // Half of the whole, in closed form: the integral of a power of the cosine is a beta function.
  const double half =
      std::sqrt(std::acos(-1.0)) / 2 * std::exp(std::lgamma(degrees / 2) - std::lgamma((degrees + 1) / 2));
  const double wanted = std::abs(p - 0.5) * 2 * half;
  double low = 0, high = right;
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (area(middle) < wanted ? low : high) = middle;
  }
  return (p < 0.5 ? -1 : 1) * std::sqrt(degrees) * std::tan((low + high) / 2);
}

}  // namespace cigli
