#pragma once

#include <torch/types.h>

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "eval/metrics/jackknife.h"
#include "eval/metrics/moments.h"
#include "eval/metrics/resampling.h"
#include "runtime/options.h"

namespace cigli {

struct FeatureMetricOptions {
  std::vector<std::string>
      metrics;  // feature_metric_names(); none: all that the inputs allow but fid_infinity and cmmd
  std::string convention = "cigli";           // whose rules
  std::int64_t neighbours = 0;                // of a ball; 0: as the convention has it
  std::int64_t subsets = 0, subset_size = 0;  // of KID; 0: as the convention has it
  std::int64_t splits = 0;                    // of the Inception Score; 0: as the convention has it
  std::int64_t metric_seed = 2020;            // of what a convention draws, by NumPy's generator
  bool intervals = true;
  bool forgiving = false;  // a metric that can't be had of what is there gets null and a note; else Error
  void visit(Fields& f);   // all but `metrics`
};
// Throws UsageError for an option that would change nothing.
void check_options(const FeatureMetricOptions& options);
const std::vector<std::string>& feature_metric_names();
// The name of a metric, or of a part of prdc, of these features: all but Inception's stand behind it, as in fd_NAME and
// kd_NAME, for only distances between its features are called FID and KID; "": not known whose.
std::string metric_name(const std::string& metric, const std::string& features);

// What metrics are computed from: rows of features of each side [N,D], or their statistics where rows are not at hand,
// and logits [N,K] of the generated images' classes. `..._name` stands for each in messages.
struct FeatureSide {
  torch::Tensor rows;                  // undefined: none
  std::optional<Gaussian> statistics;  // in place of rows
  std::string name;
  std::int64_t count = 0;  // how many rows statistics are of; 0: not known
};
struct FeatureSets {
  FeatureSide real, generated, logits;
  bool paired = false;  // real row i is the target of what generated row i answers (jackknife.h)
};

// What is behind metrics, by metric_name; of prdc its parts.
using Estimates = std::map<std::string, Estimate>;

// {"fid": {"value", "corrected", "ci", "ci_about", "n", "n_real", "convention", ...}, "kid": {...}, "is": {...},
// "prdc":
// {"precision": {...}, ...}, "cmmd": {...}}: value is the metric as the convention has it; ci holds 95 % by the
// jackknife over tenths of either set, around `value` or what ci_about names, null where `note` says why. Throws Error
// naming the input that a metric lacks or can't use.
// `estimates`, where given, gets what is behind the intervals. `features`: whose they are; all but Inception's are
// named after it, fd_NAME, kd_NAME, ...: only distances between its features are called FID and KID.
nlohmann::ordered_json feature_metrics(const FeatureSets& sets, const FeatureMetricOptions& options,
                                       const std::string& features = "", Estimates* estimates = nullptr);
// The resampling of images to Inception's size by a convention.
Resampling resampling_of(const std::string& convention);

}  // namespace cigli
