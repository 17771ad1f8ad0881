#include <iostream>

#include "eval/consistency.h"
#include "eval/nlvr1/report.h"
#include "eval/nlvr1/score.h"
#include "runtime/device.h"
#include "runtime/error.h"
#include "runtime/files.h"
#include "tools/commands.h"

namespace cigli {
namespace {

struct EvaluateOptions {
  std::string generated, data, training, split, out, rows;
  bool json = false, present_only = false;
  std::int64_t threads = 0, resamples = 2000, seed = 0;

  void visit(Fields& f) {
    f("generated", generated, "folder of generated images, <id>.png each", Required{});
    f("data", data, "dataset folder that the images answer to", Required{});
    f("training", training, "dataset whose sentences are reported apart (NLVR v1)");
    f("split", split, "rows of this split alone");
    f("json", json, "print the scores as JSON instead of a table");
    f("out", out, "also write the scores to this JSON file");
    f("rows", rows, "also write one line a row to this JSONL file");
    f("present_only", present_only, "leave rows without an image out; else they count as failures");
    f("resamples", resamples, "bootstrap resamples behind an interval", Range{1, 1e6});
    f("seed", seed, "seed of the bootstrap", Range{0, 9e18});
    f("threads", threads, "threads, 0 = all cores", Range{0, 4096});
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

}  // namespace

int run_evaluate(const Arguments& arguments) {
  const auto options = parse<EvaluateOptions>(arguments);
  set_threads(options.threads);
  const bool nlvr1 = has_nlvr1_rows(options.data);
  if (!nlvr1 && !options.training.empty())
    throw UsageError("--training is for datasets of cigli data import nlvr; " + options.data + " is none");
  const Outcome outcome = nlvr1 ? evaluate_nlvr1(options) : evaluate_consistency(options);
  if (!options.out.empty()) write_file(options.out, outcome.json.dump(2) + "\n");
  if (!options.rows.empty()) write_file(options.rows, outcome.rows);
  std::cout << (options.json ? outcome.json.dump() + "\n" : outcome.table);
  return outcome.code;
}

}  // namespace cigli
