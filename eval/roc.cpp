#include "eval/roc.h"

#include <algorithm>
#include <cmath>

#include "runtime/error.h"

namespace cigli {

Score area_under_roc(const std::vector<double>& positives, const std::vector<double>& negatives) {
  if (positives.empty() || negatives.empty())
    throw Error("the area under an ROC curve needs values of both kinds, got " + std::to_string(positives.size()) +
                " positives and " + std::to_string(negatives.size()) + " negatives");
  std::vector<double> sorted = negatives;
  std::sort(sorted.begin(), sorted.end());
  double sum = 0;
  for (const double value : positives) {
    const auto [low, high] = std::equal_range(sorted.begin(), sorted.end(), value);
    sum += static_cast<double>(low - sorted.begin()) + 0.5 * static_cast<double>(high - low);
  }
  const auto p = static_cast<double>(positives.size()), n = static_cast<double>(negatives.size());
  const double area = sum / (p * n);
  const double q1 = area / (2 - area), q2 = 2 * area * area / (1 + area);
  const double variance = (area * (1 - area) + (p - 1) * (q1 - area * area) + (n - 1) * (q2 - area * area)) / (p * n);
  const double half = 1.959964 * std::sqrt(std::max(0.0, variance));
  return {area, static_cast<std::int64_t>(p + n), {std::max(0.0, area - half), std::min(1.0, area + half)}};
}

}  // namespace cigli
