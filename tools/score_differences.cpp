#include "tools/score_differences.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

namespace cigli {

using Json = nlohmann::ordered_json;

namespace {

std::vector<double> differences(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> result;
  for (std::size_t i = 0; i < a.size(); ++i) result.push_back(a[i] - b[i]);
  return result;
}

// Values of the same rows in two sets.
struct PairedValues {
  RowValues first, second;
  Clusters clusters;  // of the rows
};

// Values of the rows, and by the metrics, that both have.
PairedValues in_common(const RowMetrics& a, const RowMetrics& b) {
  std::map<std::string, std::size_t> place;
  for (std::size_t i = 0; i < b.ids.size(); ++i) place[b.ids[i]] = i;
  PairedValues both;
  for (std::size_t i = 0; i < a.ids.size(); ++i)
    if (place.count(a.ids[i]) != 0) both.clusters.push_back(a.clusters[i]);
  for (const auto& [name, values] : a.values) {
    const auto others = b.values.find(name);
    if (others == b.values.end()) continue;
    both.first[name], both.second[name];  // there even where no row is in both
    for (std::size_t i = 0; i < a.ids.size(); ++i)
      if (const auto other = place.find(a.ids[i]); other != place.end()) {
        both.first[name].push_back(values[i]);
        both.second[name].push_back(others->second[other->second]);
      }
  }
  return both;
}

// Ids of the rows that images with features answer; without rows, the images' names.
std::vector<std::string> names_of(const ImageScores& scores) {
  std::vector<std::string> names;
  for (const std::size_t number : scores.features.numbers)
    names.push_back(scores.ids.empty() ? scores.files[number].stem().string() : scores.ids[number]);
  return names;
}

// The mean of differences row by row; `value` is what it is called. No interval of few rows; of shares that are exact.
Json mean_of(const char* value, const std::string& name, const PairedValues& rows, const BootstrapOptions& bootstrap) {
  const Score score = score_of(differences(rows.first.at(name), rows.second.at(name)), rows.clusters, bootstrap,
                               is_share(name) ? difference_interval : bootstrap_mean);
  const std::string too_few = lacking_interval(score);
  Json json{{value, score.n > 0 ? Json(score.accuracy) : Json()}, {"ci", nullptr}, {"n", score.n}};
  add_clusters(score, json);
  if (too_few.empty())
    json["ci"] = {score.interval.low, score.interval.high};
  else
    json["note"] = score.n == 0 ? "no row has a value in both" : too_few;
  return json;
}

Json drops_of(const PairedValues& rows, const BootstrapOptions& bootstrap) {
  Json all;
  for (const auto& [name, swapped] : rows.second) {
    Json drop = mean_of("drop", name, rows, bootstrap);
    if (!drop["drop"].is_null()) all[name] = std::move(drop);
  }
  return all;
}

// Whether the interval leaves 0 out; null where there is none.
void add_verdict(Json& difference) {
  const Json& ci = difference["ci"];
  difference["distinguishable"] = ci.is_null() ? Json() : Json(ci[0] > 0 || ci[1] < 0);
}

// The metrics over features by their names, prdc's parts one by one.
std::map<std::string, Json> of_sets(const ImageScores& scores) {
  std::map<std::string, Json> all;
  for (const auto& [name, metric] : scores.json.items()) {
    if (!metric.is_object() || (scores.rows && scores.rows->values.count(name) != 0)) continue;
    if (metric.contains("value")) all[name] = metric;
    for (const auto& [part, value] : metric.items())
      if (value.is_object() && value.contains("value")) all[metric_name(part, scores.feature_name)] = value;
  }
  return all;
}

// Of one metric over features, in two folders.
struct Compared {
  const Json &a, &b;
  const Estimate *of_a, *of_b;  // null where there is none
  bool same_rows;
  Json n(const char* key = "n") const {
    const Json mine = a.value(key, Json()), other = b.value(key, Json());
    return mine == other ? mine : Json{mine, other};
  }
};

std::string without_interval(const Compared& both) {
  for (const Json* side : {&both.a, &both.b})
    if (side->value("ci", Json()).is_null())
      return side->contains("note") ? (*side)["note"].get<std::string>() : "no interval: none was asked for";
  if (both.of_a == nullptr || both.of_b == nullptr)
    return "no interval: that of either folder comes from its splits, which are of different images";
  return both.of_a->sets.size() == both.of_b->sets.size()
             ? ""
             : "no interval: images of one folder are paired with their targets, those of the other are not";
}

Json difference_of_sets(const Compared& both) {
  const auto& [a, b, of_a, of_b, same_rows] = both;
  Json json{{"value", nullptr}, {"ci", nullptr}, {"n", both.n()}};
  const std::string lacking = without_interval(both);
  if (!lacking.empty()) json["note"] = lacking;
  if (!a["value"].is_number() || !b["value"].is_number()) return json;
  json["value"] = a["value"].get<double>() - b["value"].get<double>();
  if (!lacking.empty()) return json;
  const std::vector<bool> shared =
      of_a->sets.size() == 1 ? std::vector<bool>{same_rows} : std::vector<bool>{true, same_rows};
  // About the same as either folder's interval. A bias is a sum over rows left out: that of a difference is the
  // difference of those corrected.
  const std::string about = a.value("ci_about", "value");
  if (about != "value") {
    json[about] = a[about].get<double>() - b[about].get<double>();
    json["ci_about"] = about;
  }
  const Interval interval = jackknife_interval(json[about].get<double>(), difference(*of_a, *of_b, shared).sets);
  json["ci"] = {interval.low, interval.high};
  return json;
}

// What the number of images adds to a difference, where the metric tells it: fid's by the jackknife, cmmd's by its
// unbiased form.
std::optional<double> bias_of(const Compared& both, double value) {
  for (const char* better : {"corrected", "unbiased"})
    if (both.a.contains(better) && both.b.contains(better))
      return value - (both.a[better].get<double>() - both.b[better].get<double>());
  return std::nullopt;
}

// Why the number of images may make all of the difference; "": it doesn't. `classes`: of the logits behind is.
std::string doubt(const std::string& name, const std::string& features, const Compared& both, std::int64_t classes,
                  Json& difference) {
  if (!difference["value"].is_number()) return "";
  const double value = difference["value"];
  if (const auto bias = bias_of(both, value)) {
    if (std::abs(*bias) <= std::abs(value)) return "";
    difference["bias"] = *bias;
    return "the bias of so few images is larger than this difference";
  }
  std::vector<std::string> biased{"fid", "is", "precision", "recall", "density", "coverage"};
  for (std::string& metric : biased) metric = metric_name(metric, features);
  if (std::find(biased.begin(), biased.end(), name) == biased.end()) return "";
  if (difference["n"].is_array())
    return "it moves with the number of images, and " + difference["n"][0].dump() + " and " +
           difference["n"][1].dump() + " don't compare";
  if (name != metric_name("is", features)) return "";
  const std::int64_t images = both.a["n"].get<std::int64_t>() / both.a["splits"].get<std::int64_t>();
  return images >= classes ? ""
                           : "of " + std::to_string(images) + " images a split it can't be more than that, of " +
                                 std::to_string(classes) + " classes: too few to tell folders apart";
}

}  // namespace

Json drops(const RowMetrics& own, const RowValues& swapped, const BootstrapOptions& bootstrap) {
  return drops_of({own.values, swapped, own.clusters}, bootstrap);
}

Json drops(const RowMetrics& own, const RowMetrics& swapped, const BootstrapOptions& bootstrap) {
  return drops_of(in_common(own, swapped), bootstrap);
}

Json difference_of(const Score& apart) {
  Json json{{"value", nullptr}, {"ci", nullptr}, {"n", apart.n}};
  if (apart.n > 0) {
    json["value"] = apart.accuracy;
    json["ci"] = {apart.interval.low, apart.interval.high};
  } else {
    json["note"] = "no row has a value in both";
  }
  add_clusters(apart, json);
  add_verdict(json);
  return json;
}

Json difference(const ImageScores& a, const ImageScores& b, const BootstrapOptions& bootstrap) {
  Json all;
  const bool same_rows = names_of(a) == names_of(b);
  const auto mine = of_sets(a), theirs = of_sets(b);
  const auto estimate_in = [](const ImageScores& scores, const std::string& name) {
    const auto found = scores.estimates.find(name);
    return found == scores.estimates.end() ? nullptr : &found->second;
  };
  for (const auto& [name, metric] : mine) {
    const auto other = theirs.find(name);
    if (other == theirs.end()) continue;
    const Compared both{metric, other->second, estimate_in(a, name), estimate_in(b, name), same_rows};
    Json& json = all[name] = difference_of_sets(both);
    add_verdict(json);
    const torch::Tensor& logits = a.features.rows.logits;
    const std::string warning = doubt(name, a.feature_name, both, logits.defined() ? logits.size(1) : 0, json);
    if (!warning.empty()) json["warning"] = warning;
  }
  if (!a.rows || !b.rows) return all;
  const PairedValues both = in_common(*a.rows, *b.rows);
  for (const auto& [name, values] : both.first) {
    all[name] = mean_of("value", name, both, bootstrap);
    add_verdict(all[name]);
  }
  return all;
}

}  // namespace cigli
