#include "tools/score_differences.h"

#include <algorithm>
#include <cmath>

namespace cigli {

using Json = nlohmann::ordered_json;

namespace {

std::vector<double> differences(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> result;
  for (std::size_t i = 0; i < a.size(); ++i) result.push_back(a[i] - b[i]);
  return result;
}

// Values of the rows, and by the metrics, that both have.
std::pair<RowValues, RowValues> in_common(const RowMetrics& a, const RowMetrics& b) {
  std::map<std::string, std::size_t> place;
  for (std::size_t i = 0; i < b.ids.size(); ++i) place[b.ids[i]] = i;
  std::pair<RowValues, RowValues> both;
  for (const auto& [name, values] : a.values) {
    const auto others = b.values.find(name);
    if (others == b.values.end()) continue;
    for (std::size_t i = 0; i < a.ids.size(); ++i)
      if (const auto other = place.find(a.ids[i]); other != place.end()) {
        both.first[name].push_back(values[i]);
        both.second[name].push_back(others->second[other->second]);
      }
  }
  return both;
}

std::vector<std::string> names_of(const ImageScores& scores) {
  std::vector<std::string> names;
  for (const std::size_t number : scores.features.numbers) names.push_back(scores.files[number].stem().string());
  return names;
}

}  // namespace

Score score_of_finite(const std::vector<double>& values, const BootstrapOptions& bootstrap) {
  std::vector<double> finite;
  std::copy_if(values.begin(), values.end(), std::back_inserter(finite), [](double x) { return std::isfinite(x); });
  return score_of(finite, bootstrap, bootstrap_mean);
}

Json drops(const RowValues& own, const RowValues& swapped, const BootstrapOptions& bootstrap) {
  Json all;
  for (const auto& [name, values] : swapped) {
    const Score drop = score_of_finite(differences(own.at(name), values), bootstrap);
    if (drop.n > 0)
      all[name] = {{"drop", drop.accuracy}, {"n", drop.n}, {"ci", {drop.interval.low, drop.interval.high}}};
  }
  return all;
}

Json drops(const RowMetrics& own, const RowMetrics& swapped, const BootstrapOptions& bootstrap) {
  const auto [mine, others] = in_common(own, swapped);
  return drops(mine, others, bootstrap);
}

Json difference_of(double value, const Interval& interval) {
  const bool apart = interval.low > 0 || interval.high < 0;
  return {{"value", value}, {"ci", {interval.low, interval.high}}, {"distinguishable", apart}};
}

Json difference(const ImageScores& a, const ImageScores& b, const BootstrapOptions& bootstrap) {
  Json all;
  const bool same_rows = names_of(a) == names_of(b);
  for (const auto& [name, estimate] : a.estimates) {
    const auto other = b.estimates.find(name);
    if (other == b.estimates.end() || other->second.sets.size() != estimate.sets.size()) continue;
    const std::vector<bool> shared =
        estimate.sets.size() == 1 ? std::vector<bool>{same_rows} : std::vector<bool>{true, same_rows};
    const Estimate apart = difference(estimate, other->second, shared);
    const bool corrects = name == metric_name("fid", a.feature_name);
    const double better = corrected(apart.value, apart.sets), bias = apart.value - better;
    Json& json = all[name] =
        difference_of(apart.value, jackknife_interval(corrects ? better : apart.value, apart.sets));
    if (corrects) json["corrected"] = better;
    if (corrects && std::abs(bias) > std::abs(apart.value)) json["bias"] = bias;
  }
  if (!a.rows || !b.rows) return all;
  const auto [mine, others] = in_common(*a.rows, *b.rows);
  for (const auto& [name, values] : mine) {
    const Score score = score_of_finite(differences(values, others.at(name)), bootstrap);
    if (score.n == 0) continue;
    all[name] = difference_of(score.accuracy, score.interval);
    all[name]["n"] = score.n;
  }
  return all;
}

}  // namespace cigli
