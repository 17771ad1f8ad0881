#include "eval/metrics/feature_metrics.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "eval/metrics/frechet.h"
#include "eval/metrics/inception_score.h"
#include "eval/metrics/mmd.h"
#include "eval/metrics/numpy_random.h"
#include "eval/metrics/prdc.h"
#include "runtime/error.h"

namespace cigli {
namespace {

using Json = nlohmann::ordered_json;
using torch::Tensor;

// Where implementations differ. What one of them lacks has the values of `cigli`.
struct Convention {
  const char* name;
  std::int64_t ddof;                  // covariances over n - ddof
  std::int64_t subsets, subset_size;  // of KID; 0: all rows at once
  std::int64_t neighbours;            // of PRDC
  bool inclusive;                     // <= in PRDC
  Splits splits;                      // of the Inception Score
  bool shuffled;                      // before it is split
  std::int64_t split_ddof;            // its deviation over splits - split_ddof
  Resampling resampling;              // of images to Inception's size
};

const Convention kConventions[] = {
    {"cigli", 1, 0, 0, 5, false, Splits::even, false, 0, Resampling::torch_bilinear},
    {"pytorch-fid", 1, 0, 0, 5, false, Splits::even, false, 0, Resampling::torch_bilinear},
    {"torch-fidelity", 1, 100, 1000, 3, true, Splits::even, true, 0, Resampling::tf1_bilinear},
    {"clean-fid", 1, 100, 1000, 5, false, Splits::even, false, 0, Resampling::clean},
    {"stylegan3", 0, 100, 1000, 3, true, Splits::even, false, 0, Resampling::tf1_bilinear},
    {"torchmetrics", 1, 100, 1000, 5, false, Splits::ceil, false, 1, Resampling::tf1_bilinear},
    {"dgm-eval", 1, 0, 0, 5, false, Splits::floor, true, 0, Resampling::clean},
};

const Convention& convention_named(const std::string& name) {
  for (const Convention& convention : kConventions)
    if (name == convention.name) return convention;
  throw UsageError("no convention '" + name + "'");
}

Json json_of(const Interval& interval) { return {interval.low, interval.high}; }

Tensor rows_of(const FeatureSide& side, const std::string& metric, const std::string& what) {
  if (!side.rows.defined())
    throw UsageError("--metrics " + metric + " needs " + what + (side.statistics ? ", not their statistics" : ""));
  return side.rows;
}

// A metric's beginning: the value, how many rows it is of.
Json started(double value, const FeatureSets& sets) {
  Json json{{"value", value}};
  const auto count = [](const FeatureSide& side) { return side.rows.defined() ? side.rows.size(0) : side.count; };
  if (count(sets.generated) > 0) json["n"] = count(sets.generated);
  if (count(sets.real) > 0) json["n_real"] = count(sets.real);
  return json;
}

bool enough(const Tensor& rows) { return rows.defined() && rows.size(0) >= 2 * kGroups; }

std::string too_few() { return "no interval: it takes " + std::to_string(2 * kGroups) + " rows of either set"; }

std::int64_t dimensions(const FeatureSide& side) {
  return side.rows.defined() ? side.rows.size(1) : side.statistics ? side.statistics->mean.size(0) : 0;
}

// The sets in an order of chance, the same for all sets of as many rows, pairs together: the jackknife's groups are
// neighbours, and rows that lie in order, as by class, would make groups that are no samples of their set.
FeatureSets mixed(const FeatureSets& sets) {
  FeatureSets in_groups = sets;
  const auto mix = [](Tensor& rows, std::uint32_t seed) {
    rows = rows.index_select(0, torch::tensor(NumpyRandom(seed).permutation(rows.size(0))));
  };
  if (!enough(sets.real.rows) || !enough(sets.generated.rows)) return in_groups;
  mix(in_groups.real.rows, 0);
  mix(in_groups.generated.rows, sets.paired ? 0 : 1);
  return in_groups;
}

Gaussian statistics_of(const FeatureSide& side, std::int64_t ddof, const std::string& what) {
  if (side.statistics) return *side.statistics;
  const Tensor rows = rows_of(side, "fid", what);
  if (rows.size(0) < 2)
    throw Error(side.name + ": " + std::to_string(rows.size(0)) + " image that can be read, fid needs at least 2");
  Moments moments(rows.size(1));
  moments.add(rows);
  return moments.gaussian(ddof);
}

// Why fid has neither a correction nor an interval; "": it has both. With fewer rows than twice the dimensions the bias
// is no longer what leaving out a tenth shows: of standard normals the interval misses the truth more often than not.
std::string uncorrected(const FeatureSets& sets) {
  if (!sets.real.rows.defined() || !sets.generated.rows.defined())
    return "no interval: statistics don't tell how rows vary";
  if (!enough(sets.real.rows) || !enough(sets.generated.rows)) return too_few();
  const std::int64_t needed = 2 * dimensions(sets.real);
  if (std::min(sets.real.rows.size(0), sets.generated.rows.size(0)) >= needed) return "";
  return "too high by a bias that so few rows don't tell: correction and interval take " + std::to_string(needed) +
         " rows of either set, twice the dimensions";
}

Json fid(const FeatureSets& sets, const FeatureSets& in_groups, const Convention& convention,
         const FeatureMetricOptions& options, Estimates& all) {
  const Gaussian generated = statistics_of(sets.generated, convention.ddof, "features of generated images");
  const Gaussian real = statistics_of(sets.real, convention.ddof, "features of real images");
  Json json = started(frechet_distance(real, generated), sets);
  json["ci"] = nullptr;
  const std::string missing = uncorrected(sets);
  if (options.intervals && missing.empty()) {
    const Estimate estimate =
        estimate_frechet(in_groups.real.rows, in_groups.generated.rows, convention.ddof, sets.paired);
    json["corrected"] = corrected(estimate.value, estimate.sets);
    if (!sets.paired) json["corrected_for_generated"] = corrected(estimate.value, {estimate.sets.back()});
    const Interval interval = jackknife_interval(json["corrected"], estimate.sets);
    json["ci"] = json_of(interval);
    json["ci_about"] = "corrected";
    if (interval.high < 0)
      json["note"] =
          "below 0, where no distance is: the two sets are no independent draws, as targets and what was "
          "generated for them are not (--data pairs them)";
    all["fid"] = estimate;
  } else if (options.intervals) {
    json["note"] = missing;
  }
  json["ddof"] = convention.ddof;
  return json;
}

// Chong & Forsyth's: subsets of fifteen sizes from a tenth of the rows to all of them, drawn one after the other.
Json fid_infinity(const FeatureSets& sets, const FeatureSets&, const Convention&, const FeatureMetricOptions& options,
                  Estimates&) {
  constexpr std::int64_t sizes = 15;
  const Tensor generated = rows_of(sets.generated, "fid_infinity", "features of generated images");
  const std::int64_t n = generated.size(0), fewest = std::max<std::int64_t>(2, n / 10);
  if (n - fewest < sizes)
    throw Error(sets.generated.name + ": " + std::to_string(n) + " rows, fid_infinity needs subsets of " +
                std::to_string(sizes) + " sizes");
  NumpyRandom random(static_cast<std::uint32_t>(options.metric_seed));
  std::vector<Tensor> subsets;
  for (std::int64_t i = 0; i < sizes; ++i)
    subsets.push_back(torch::tensor(random.permutation(n)).slice(0, 0, fewest + (n - fewest) * i / (sizes - 1)));
  const Gaussian real = statistics_of(sets.real, 1, "features of real images");
  Json json = started(frechet_at_infinity(real, generated, subsets), sets);
  json["ci"] = nullptr;
  if (options.intervals) json["note"] = "no interval; of the generated set alone, the real set's size raises it still";
  json["sizes"] = {fewest, n};
  return json;
}

// A target and what was generated for it are no independent draws: pairs of them say nothing of the two distributions.
MmdKind kind_for(const FeatureSets& sets) { return sets.paired ? MmdKind::u_statistic : MmdKind::unbiased; }

void add_interval(Json& json, const Estimate& estimate, const FeatureSets& sets) {
  if (sets.paired) {
    json["u_statistic"] = estimate.value;
    json["ci_about"] = "u_statistic";
  }
  const double centre = json.contains("ci_about") ? json[json["ci_about"].get<std::string>()] : json["value"];
  json["ci"] = json_of(jackknife_interval(centre, estimate.sets));
}

Json kid(const FeatureSets& sets, const FeatureSets& in_groups, const Convention& convention,
         const FeatureMetricOptions& options, Estimates& all) {
  const Tensor real = rows_of(sets.real, "kid", "features of real images").to(torch::kFloat64);
  const Tensor generated = rows_of(sets.generated, "kid", "features of generated images").to(torch::kFloat64);
  const std::int64_t count = options.subsets > 0 ? options.subsets : convention.subsets;
  const std::int64_t wanted = options.subset_size > 0 ? options.subset_size : convention.subset_size;
  Json json;
  if (count > 0) {
    const std::int64_t size = std::min({wanted > 0 ? wanted : 1000, real.size(0), generated.size(0)});
    NumpyRandom random(static_cast<std::uint32_t>(options.metric_seed));
    std::vector<std::pair<Tensor, Tensor>> subsets;
    for (std::int64_t i = 0; i < count; ++i) {
      const Tensor of_generated = torch::tensor(random.permutation(generated.size(0))).slice(0, 0, size);
      subsets.emplace_back(of_generated, torch::tensor(random.permutation(real.size(0))).slice(0, 0, size));
    }
    const Spread spread = mmd_of_subsets(generated, real, polynomial_kernel(), subsets);
    json = started(spread.mean, sets);
    json["std"] = spread.deviation;
    json["subsets"] = count;
    json["subset_size"] = size;
  } else {
    json = started(mmd(generated, real, polynomial_kernel()), sets);
  }
  json["ci"] = nullptr;
  if (!options.intervals) return json;
  if (enough(real) && enough(generated)) {
    const Estimate estimate =
        estimate_mmd(in_groups.real.rows.to(torch::kFloat64), in_groups.generated.rows.to(torch::kFloat64),
                     polynomial_kernel(), kind_for(sets), sets.paired);
    add_interval(json, estimate, sets);
    all["kid"] = estimate;
  } else {
    json["note"] = too_few();
  }
  return json;
}

Json cmmd(const FeatureSets& sets, const FeatureSets& in_groups, const Convention&, const FeatureMetricOptions& options,
          Estimates& all) {
  constexpr double sigma = 10, scale = 1000;
  const Tensor real = rows_of(sets.real, "cmmd", "embeddings of real images").to(torch::kFloat64);
  const Tensor generated = rows_of(sets.generated, "cmmd", "embeddings of generated images").to(torch::kFloat64);
  const Kernel kernel = gaussian_kernel(sigma);
  Json json = started(scale * mmd(generated, real, kernel, MmdKind::biased), sets);
  json["unbiased"] = scale * mmd(generated, real, kernel);
  json["ci"] = nullptr;
  if (options.intervals && enough(real) && enough(generated)) {
    Estimate estimate = estimate_mmd(in_groups.real.rows.to(torch::kFloat64),
                                     in_groups.generated.rows.to(torch::kFloat64), kernel, kind_for(sets), sets.paired);
    estimate.value *= scale;
    for (Jackknife& set : estimate.sets) {
      for (double& value : set.left_out) value *= scale;
      set = jackknife(estimate.value, set.left_out);
    }
    json["ci_about"] = "unbiased";
    add_interval(json, estimate, sets);
    all["cmmd"] = estimate;
  } else if (options.intervals) {
    json["note"] = too_few();
  }
  json["sigma"] = sigma;
  json["scale"] = scale;
  return json;
}

Json prdc_json(const FeatureSets& sets, const FeatureSets& in_groups, const Convention& convention,
               const FeatureMetricOptions& options, Estimates& all) {
  PrdcOptions balls;
  balls.neighbours = options.neighbours > 0 ? options.neighbours : convention.neighbours;
  balls.inclusive = convention.inclusive;
  balls.paired = sets.paired;
  const Prdc found = prdc(rows_of(in_groups.real, "prdc", "features of real images"),
                          rows_of(in_groups.generated, "prdc", "features of generated images"), balls);
  Json json;
  const auto add = [&](const char* name, const Prdc::Value& value) {
    json[name] = started(value.value, sets);
    if (found.has_intervals) all[name] = {value.value, value.sets};
    const bool shown = found.has_intervals && options.intervals;
    json[name]["ci"] = shown ? json_of(value.interval) : Json();
    if (options.intervals && !shown)
      json[name]["note"] = enough(sets.real.rows) && enough(sets.generated.rows)
                               ? "no interval: nine tenths of a set are no more than the neighbours"
                               : too_few();
  };
  add("precision", found.precision);
  add("recall", found.recall);
  add("density", found.density);
  add("coverage", found.coverage);
  json["neighbours"] = balls.neighbours;
  json["inside"] = balls.inclusive ? "<=" : "<";
  return json;
}

Json is(const FeatureSets& sets, const FeatureSets&, const Convention& convention, const FeatureMetricOptions& options,
        Estimates&) {
  Tensor logits = rows_of(sets.logits, "is", "logits");
  const std::int64_t splits = options.splits > 0 ? options.splits : 10;
  if (convention.shuffled) {
    NumpyRandom random(static_cast<std::uint32_t>(options.metric_seed));
    logits = logits.index_select(0, torch::tensor(random.permutation(logits.size(0))));
  }
  const InceptionScore score = inception_score(logits, splits, convention.splits);
  Json json{{"value", score.mean()}, {"n", logits.size(0)}};
  const auto made = static_cast<std::int64_t>(score.values.size());
  json["std"] = made > convention.split_ddof ? Json(score.deviation(convention.split_ddof)) : Json();
  json["ci"] = nullptr;
  if (options.intervals && made == logits.size(0)) {
    json["note"] = "no interval: of a single row the score is 1 whatever it is, and each split has no more";
  } else if (options.intervals && made > 1) {
    const Jackknife splits_as_rows{0, std::pow(score.deviation(1), 2) / static_cast<double>(made), made, {}};
    json["ci"] = json_of(jackknife_interval(score.mean(), {splits_as_rows}));
  } else if (options.intervals) {
    json["note"] = "no interval: it comes from the splits, of which there is one";
  }
  json["splits"] = made;
  return json;
}

struct Entry {
  const char* name;
  const char* of_others;  // its name where the features aren't Inception's, but for their own name behind it
  Json (*compute)(const FeatureSets&, const FeatureSets& in_groups, const Convention&, const FeatureMetricOptions&,
                  Estimates&);
  bool of_logits, of_statistics, asked;  // asked: only where it is named
};
const Entry kMetrics[] = {
    {"fid", "fd", fid, false, true, false},    {"fid_infinity", "fd_infinity", fid_infinity, false, false, true},
    {"kid", "kd", kid, false, false, false},   {"prdc", "prdc", prdc_json, false, false, false},
    {"cmmd", "mmd", cmmd, false, false, true}, {"is", "is", is, true, false, false}};

void check(const FeatureSide& side) {
  if (!side.rows.defined()) return;
  if (side.rows.dim() != 2 || side.rows.size(1) == 0)
    throw Error(side.name + ": an array " + c10::str(side.rows.sizes()) + ", expected rows of features [N, D]");
  if (!side.rows.is_floating_point())
    throw Error(side.name + ": numbers of type " + c10::toString(side.rows.scalar_type()) + ", expected floats");
  if (side.rows.size(0) == 0) throw Error(side.name + ": no rows");
  const Tensor bad = side.rows.isfinite().all(1).logical_not().nonzero();
  if (bad.size(0) > 0)
    throw Error(side.name + ": row " + std::to_string(bad[0][0].item<std::int64_t>()) + " (and " +
                std::to_string(bad.size(0) - 1) + " more) has a value that is not finite");
  constexpr double largest = 1e50;  // whose sixth power, kid's, is a number still
  const double most = side.rows.abs().max().item<double>();
  if (most > largest) throw Error(side.name + ": a value of " + c10::str(most) + ", expected none beyond 1e50");
}

}  // namespace

std::string metric_name(const std::string& metric, const std::string& features) {
  // CMMD is of CLIP's features.
  if (features.empty() || features == "inception" || (features == "clip" && metric == "cmmd")) return metric;
  for (const Entry& entry : kMetrics)
    if (metric == entry.name) return std::string(entry.of_others) + "_" + features;
  return metric + "_" + features;
}

const std::vector<std::string>& feature_metric_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const Entry& metric : kMetrics) all.emplace_back(metric.name);
    return all;
  }();
  return names;
}

void FeatureMetricOptions::visit(Fields& f) {
  std::vector<std::string> conventions;
  for (const Convention& convention : kConventions) conventions.emplace_back(convention.name);
  f("convention", convention, "whose rules metrics over features follow where implementations differ",
    Choices{conventions});
  f("neighbours", neighbours, "of prdc's balls, 0: as the convention has it (5)", Range{0, 1e6});
  f("subsets", subsets, "of kid, 0: as the convention has it (all rows at once)", Range{0, 1e6});
  f("subset_size", subset_size, "of kid's subsets, 0: as the convention has it (1000)", Range{0, 1e9});
  f("splits", splits, "of is, 0: as the convention has it (10)", Range{0, 1e6});
  f("metric_seed", metric_seed, "of the rows that a convention draws", Range{0, 4294967295.0});
  f("intervals", intervals, "intervals by the jackknife, which takes fid's time twenty times over");
}

void check_options(const FeatureMetricOptions& options) {
  if (options.subset_size > 0 && options.subsets == 0 && convention_named(options.convention).subsets == 0)
    throw UsageError("--subset-size is of --subsets, which the convention " + options.convention + " has none of");
}

Resampling resampling_of(const std::string& convention) { return convention_named(convention).resampling; }

Json feature_metrics(const FeatureSets& sets, const FeatureMetricOptions& options, const std::string& features,
                     Estimates* estimates) {
  check_options(options);
  for (const FeatureSide* side : {&sets.real, &sets.generated, &sets.logits}) check(*side);
  const std::int64_t of_real = dimensions(sets.real), of_generated = dimensions(sets.generated);
  if (of_real > 0 && of_generated > 0 && of_real != of_generated)
    throw Error(sets.generated.name + ": " + std::to_string(of_generated) + " dimensions, " + sets.real.name + " has " +
                std::to_string(of_real) + "; expected features of one kind");
  const Convention& convention = convention_named(options.convention);
  const bool pair = of_real > 0 && of_generated > 0, rows = sets.real.rows.defined() && sets.generated.rows.defined();
  const FeatureSets in_groups = options.intervals && rows ? mixed(sets) : sets;
  Json all;
  Estimates found;
  for (const Entry& metric : kMetrics) {
    const bool possible =
        !metric.asked && (metric.of_logits ? sets.logits.rows.defined() : pair && (rows || metric.of_statistics));
    const bool wanted = std::find(options.metrics.begin(), options.metrics.end(), metric.name) != options.metrics.end();
    if (!(options.metrics.empty() ? possible : wanted)) continue;
    Json& json = all[metric_name(metric.name, features)];
    try {
      json = metric.compute(sets, in_groups, convention, options, found);
    } catch (const Error& error) {
      if (!options.forgiving) throw;
      json = {{"value", nullptr}, {"note", error.what()}};
    }
    json["convention"] = convention.name;
  }
  if (estimates != nullptr)
    for (auto& [name, estimate] : found) (*estimates)[metric_name(name, features)] = std::move(estimate);
  return all;
}

}  // namespace cigli
