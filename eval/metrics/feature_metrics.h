#pragma once

#include <torch/types.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "eval/metrics/moments.h"
#include "runtime/options.h"

namespace cigli {

struct FeatureMetricOptions {
  std::vector<std::string> metrics;           // none: all that the inputs allow
  std::string convention = "cigli";           // whose rules
  std::int64_t neighbours = 0;                // of a ball; 0: as the convention has it
  std::int64_t subsets = 0, subset_size = 0;  // of KID; 0: as the convention has it
  std::int64_t splits = 0;                    // of the Inception Score; 0: as the convention has it
  std::int64_t metric_seed = 2020;            // of what a convention draws, by NumPy's generator
  bool intervals = true;
  void visit(Fields& f);
};

// What metrics are computed from: rows of features of each side [N,D], or their statistics where rows are not at hand,
// and logits [N,K] of the generated images' classes. `..._name` stands for each in messages.
struct FeatureSide {
  torch::Tensor rows;                  // undefined: none
  std::optional<Gaussian> statistics;  // in place of rows
  std::string name;
};
struct FeatureSets {
  FeatureSide real, generated, logits;
};

// {"fid": {"value", "corrected", "ci", "ci_about", "n", "n_real", "convention", ...}, "kid": {...}, "is": {...},
// "prdc":
// {"precision": {...}, ...}, "cmmd": {...}}: value is the metric as the convention has it; ci holds 95 % by the
// jackknife over tenths of either set, around `value` or what ci_about names, null where `note` says why. Throws Error
// naming the input that a metric lacks or can't use.
nlohmann::ordered_json feature_metrics(const FeatureSets& sets, const FeatureMetricOptions& options);
// The same as lines of text.
std::string feature_table(const nlohmann::ordered_json& metrics);

}  // namespace cigli
