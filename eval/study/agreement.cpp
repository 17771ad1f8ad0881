#include "eval/study/agreement.h"

#include <map>

#include "runtime/error.h"

namespace cigli {

std::optional<double> krippendorff_alpha(const Ratings& ratings, Scale scale) {
  std::map<double, std::size_t> places;  // of values, ascending
  for (const auto& unit : ratings)
    for (const auto& rating : unit)
      if (rating) places[*rating] = 0;
  std::size_t values = 0;
  for (auto& [value, place] : places) place = values++;

  // Coincidences: each unit of m ratings counts each of its ordered pairs 1 / (m - 1) times.
  std::vector<std::vector<double>> coincidences(values, std::vector<double>(values));
  for (const auto& unit : ratings) {
    std::vector<double> counts(values);
    double m = 0;
    for (const auto& rating : unit) {
      if (!rating) continue;
      ++counts[places[*rating]];
      ++m;
    }
    if (m < 2) continue;
    for (std::size_t c = 0; c < values; ++c)
      for (std::size_t k = 0; k < values; ++k)
        coincidences[c][k] += counts[c] * (counts[k] - (c == k ? 1 : 0)) / (m - 1);
  }
  std::vector<double> totals(values);
  double n = 0;
  for (std::size_t c = 0; c < values; ++c) {
    for (const double count : coincidences[c]) totals[c] += count;
    n += totals[c];
  }

  double observed = 0, expected = 0;
  for (std::size_t c = 0; c < values; ++c) {
    double between = totals[c] / 2;  // ratings from the middle of c to that of k
    for (std::size_t k = c + 1; k < values; ++k) {
      between += totals[k] / 2;
      const double distance = scale == Scale::nominal ? 1 : between * between;
      observed += coincidences[c][k] * distance;
      expected += totals[c] * totals[k] * distance;
      between += totals[k] / 2;
    }
  }
  if (expected == 0) return std::nullopt;
  return 1 - (n - 1) * observed / expected;
}

std::optional<double> fleiss_kappa(const std::vector<std::vector<std::int64_t>>& counts) {
  if (counts.empty()) return std::nullopt;
  std::vector<double> totals(counts.front().size());
  double raters = 0, pairs = 0;  // pairs: ordered, that agree
  for (const std::int64_t count : counts.front()) raters += static_cast<double>(count);
  for (const auto& unit : counts) {
    double sum = 0;
    if (unit.size() != totals.size()) throw Error("Fleiss' kappa needs counts of the same categories for each unit");
    for (std::size_t c = 0; c < unit.size(); ++c) {
      const auto count = static_cast<double>(unit[c]);
      if (count < 0) throw Error("Fleiss' kappa: found a count below 0");
      totals[c] += count;
      sum += count;
      pairs += count * (count - 1);
    }
    if (sum != raters || raters < 2) throw Error("Fleiss' kappa needs as many raters, two or more, for each unit");
  }
  const double all = raters * static_cast<double>(counts.size());
  const double observed = pairs / (all * (raters - 1));
  double expected = 0;
  for (const double total : totals) {
    if (total == all) return std::nullopt;
    expected += total * total / (all * all);
  }
  return (observed - expected) / (1 - expected);
}

}  // namespace cigli
