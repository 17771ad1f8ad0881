#include <iostream>

#include "eval/consistency.h"
#include "runtime/device.h"
#include "runtime/files.h"
#include "tools/commands.h"

namespace cigli {
namespace {

struct EvaluateOptions {
  std::string generated, data, split, out, rows;
  bool json = false, present_only = false;
  std::int64_t threads = 0, resamples = 2000, seed = 0;

  void visit(Fields& f) {
    f("generated", generated, "folder of generated images, <id>.png each", Required{});
    f("data", data, "dataset folder that the images answer to", Required{});
    f("split", split, "rows of this split alone");
    f("json", json, "print the scores as JSON instead of a table");
    f("out", out, "also write the scores to this JSON file");
    f("rows", rows, "also write one line a row to this JSONL file: id, family, holds, reason, ...");
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

}  // namespace

int run_evaluate(const Arguments& arguments) {
  const auto options = parse<EvaluateOptions>(arguments);
  set_threads(options.threads);
  ConsistencyOptions scoring;
  scoring.split = options.split;
  scoring.present_only = options.present_only;
  scoring.threads = options.threads;
  scoring.bootstrap.resamples = options.resamples;
  scoring.bootstrap.seed = static_cast<std::uint64_t>(options.seed);
  const Consistency consistency = score_consistency(options.generated, options.data, scoring);
  warn_about("rows of the dataset cannot be used and are not scored", consistency.faults);
  warn_about(options.present_only ? "images are missing and not scored" : "images are missing and count as failures",
             consistency.missing);
  warn_about("images are damaged and count as failures", consistency.damaged);

  nlohmann::ordered_json json;
  json["consistency"] = to_json(consistency);
  if (!options.out.empty()) write_file(options.out, json.dump(2) + "\n");
  if (!options.rows.empty()) write_file(options.rows, lines_of(consistency.rows));
  std::cout << (options.json ? json.dump() + "\n" : to_table(consistency));
  const bool all_there = consistency.damaged.empty() && (consistency.missing.empty() || options.present_only);
  return consistency.faults.empty() && all_there ? 0 : 3;
}

}  // namespace cigli
