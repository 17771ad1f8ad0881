#include <iostream>

#include "eval/consistency.h"
#include "eval/metrics/feature_metrics.h"
#include "eval/nlvr1/report.h"
#include "eval/nlvr1/score.h"
#include "runtime/device.h"
#include "runtime/error.h"
#include "runtime/files.h"
#include "runtime/npy.h"
#include "tools/commands.h"

namespace cigli {
namespace {

struct EvaluateOptions {
  std::string generated, data, training, split, out, rows;
  bool json = false, present_only = false;
  std::int64_t threads = 0, resamples = 2000, seed = 0;
  std::string real_features, generated_features, real_stats, generated_stats, logits;
  FeatureMetricOptions features;

  void visit(Fields& f) {
    f("generated", generated, "folder of generated images, <id>.png each");
    f("data", data, "dataset folder that the images answer to");
    f("training", training, "dataset whose sentences are reported apart (NLVR v1)");
    f("split", split, "rows of this split alone");
    f("json", json, "print the scores as JSON instead of a table");
    f("out", out, "also write the scores to this JSON file");
    f("rows", rows, "also write one line a row to this JSONL file");
    f("present_only", present_only, "leave rows without an image out; else they count as failures");
    f("resamples", resamples, "bootstrap resamples behind an interval", Range{1, 1e6});
    f("seed", seed, "seed of the bootstrap", Range{0, 9e18});
    f("threads", threads, "threads, 0 = all cores", Range{0, 4096});
    f("real_features", real_features, "in place of images: features of real ones, .npy [N, D]");
    f("generated_features", generated_features, "features of generated images, .npy [N, D]");
    f("real_stats", real_stats, "or their statistics, .npz with mu [D] and sigma [D, D]");
    f("generated_stats", generated_stats, "statistics of generated images, .npz");
    f("logits", logits, "class logits of generated images, .npy [N, K]");
    features.visit(f);
  }
  bool of_arrays() const {
    for (const std::string* file : {&real_features, &generated_features, &real_stats, &generated_stats, &logits})
      if (!file->empty()) return true;
    return false;
  }
};

void warn_about(const std::string& what, const std::vector<std::string>& items) {
  constexpr std::size_t shown = 5;
  if (items.empty()) return;
  std::cerr << "cigli: warning: " << items.size() << " " << what << ": ";
  for (std::size_t i = 0; i < std::min(shown, items.size()); ++i) std::cerr << (i ? "; " : "") << items[i];
  std::cerr << (items.size() > shown ? "; ..." : "") << "\n";
}

std::string lines_of(const std::vector<RowScore>& rows) {
  std::string lines;
  for (const RowScore& row : rows) {
    nlohmann::ordered_json line{{"id", row.id}, {"family", row.family}, {"holds", row.value == 1}};
    if (row.seen) line["seen"] = *row.seen;
    if (row.paraphrase_seen) line["paraphrase_seen"] = *row.paraphrase_seen;
    line["reason"] = row.reason;
    lines += line.dump() + "\n";
  }
  return lines;
}

std::string lines_of(const std::vector<Nlvr1Verdict>& verdicts) {
  std::string lines;
  for (const Nlvr1Verdict& row : verdicts) lines += to_json(row).dump() + "\n";
  return lines;
}

// What a metric leaves to be printed and written.
struct Outcome {
  nlohmann::ordered_json json;
  std::string table, rows;
  int code = 0;
};

BootstrapOptions bootstrap_of(const EvaluateOptions& options) {
  BootstrapOptions bootstrap;
  bootstrap.resamples = options.resamples;
  bootstrap.seed = static_cast<std::uint64_t>(options.seed);
  return bootstrap;
}

template <class Scores>
void warn_about_rows(const Scores& scores, bool present_only) {
  warn_about("rows of the dataset cannot be used and are not scored", scores.faults);
  warn_about(present_only ? "images are missing and not scored" : "images are missing and count as failures",
             scores.missing);
  warn_about("images are damaged and count as failures", scores.damaged);
}

// 3 where something could not be used.
template <class Scores>
int exit_code(const Scores& scores, bool present_only) {
  const bool all_there = scores.damaged.empty() && (scores.missing.empty() || present_only);
  return scores.faults.empty() && all_there ? 0 : 3;
}

Outcome evaluate_consistency(const EvaluateOptions& options) {
  ConsistencyOptions scoring;
  scoring.split = options.split;
  scoring.present_only = options.present_only;
  scoring.threads = options.threads;
  scoring.bootstrap = bootstrap_of(options);
  const Consistency scores = score_consistency(options.generated, options.data, scoring);
  warn_about_rows(scores, options.present_only);
  return {{{"consistency", to_json(scores)}},
          to_table(scores),
          lines_of(scores.rows),
          exit_code(scores, options.present_only)};
}

Outcome evaluate_nlvr1(const EvaluateOptions& options) {
  Nlvr1ScoreOptions scoring;
  scoring.split = options.split;
  scoring.training = options.training;
  scoring.present_only = options.present_only;
  scoring.threads = options.threads;
  scoring.bootstrap = bootstrap_of(options);
  const Nlvr1Score scores = score_nlvr1(options.generated, options.data, scoring);
  warn_about_rows(scores, options.present_only);
  warn_about("rows without structured_rep have no truth", scores.undescribed);
  return {{{"nlvr1", to_json(scores)}},
          to_table(scores),
          lines_of(scores.verdicts),
          exit_code(scores, options.present_only)};
}

Outcome evaluate_images(const EvaluateOptions& options) {
  if (options.generated.empty() || options.data.empty())
    throw UsageError("evaluate needs --generated and --data, or arrays (--real-features, --generated-features, ...)");
  const bool nlvr1 = has_nlvr1_rows(options.data);
  if (!nlvr1 && !options.training.empty())
    throw UsageError("--training is for datasets of cigli data import nlvr; " + options.data + " is none");
  return nlvr1 ? evaluate_nlvr1(options) : evaluate_consistency(options);
}

FeatureSide side_of(const std::string& features, const std::string& statistics) {
  FeatureSide side;
  if (!features.empty() && !statistics.empty())
    throw UsageError(features + " and " + statistics + ": features and statistics of one side, expected one of them");
  if (!features.empty()) {
    side.name = features;
    side.rows = read_npy(features);
  } else if (!statistics.empty()) {
    side.name = statistics;
    const auto arrays = read_npz(statistics);
    for (const char* key : {"mu", "sigma"})
      if (arrays.count(key) == 0) throw Error(statistics + ": no array '" + key + "', expected mu and sigma");
    side.statistics = gaussian_of(arrays.at("mu"), arrays.at("sigma"), statistics);
  }
  return side;
}

Outcome evaluate_arrays(const EvaluateOptions& options) {
  for (const std::string* folder : {&options.generated, &options.data})
    if (!folder->empty()) throw UsageError("images of " + *folder + " or arrays of features, expected one of them");
  const FeatureSets sets{side_of(options.real_features, options.real_stats),
                         side_of(options.generated_features, options.generated_stats), side_of(options.logits, "")};
  if (sets.real.name.empty() != sets.generated.name.empty())
    throw UsageError((sets.real.name.empty() ? sets.generated.name : sets.real.name) +
                     ": one side alone; give --real-features or --real-stats, and --generated-features or "
                     "--generated-stats");
  const nlohmann::ordered_json found = feature_metrics(sets, options.features);
  return {found, feature_table(found), "", 0};
}

}  // namespace

int run_evaluate(const Arguments& arguments) {
  const auto options = parse<EvaluateOptions>(arguments);
  set_threads(options.threads);
  const Outcome outcome = options.of_arrays() ? evaluate_arrays(options) : evaluate_images(options);
  if (!options.out.empty()) write_file(options.out, outcome.json.dump(2) + "\n");
  if (!options.rows.empty()) write_file(options.rows, outcome.rows);
  std::cout << (options.json ? outcome.json.dump() + "\n" : outcome.table);
  return outcome.code;
}

}  // namespace cigli
