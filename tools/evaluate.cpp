#include <iostream>

#include "eval/consistency.h"
#include "runtime/device.h"
#include "runtime/files.h"
#include "tools/commands.h"

namespace cigli {
namespace {

struct EvaluateOptions {
  std::string generated, data, split, out;
  bool json = false;
  std::int64_t threads = 0, resamples = 2000, seed = 0;

  void visit(Fields& f) {
    f("generated", generated, "folder of generated images, <id>.png each", Required{});
    f("data", data, "dataset folder that the images answer to", Required{});
    f("split", split, "rows of this split alone");
    f("json", json, "print the scores as JSON instead of a table");
    f("out", out, "also write the scores to this JSON file");
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

}  // namespace

int run_evaluate(const Arguments& arguments) {
  const auto options = parse<EvaluateOptions>(arguments);
  set_threads(options.threads);
  ConsistencyOptions scoring;
  scoring.split = options.split;
  scoring.threads = options.threads;
  scoring.bootstrap.resamples = options.resamples;
  scoring.bootstrap.seed = static_cast<std::uint64_t>(options.seed);
  const Consistency consistency = score_consistency(options.generated, options.data, scoring);
  warn_about("unusable rows of the dataset", consistency.faults);
  warn_about("images are missing and not scored", consistency.missing);
  warn_about("images are damaged and count as failures", consistency.damaged);

  nlohmann::ordered_json json;
  json["consistency"] = to_json(consistency);
  if (!options.out.empty()) write_file(options.out, json.dump(2) + "\n");
  std::cout << (options.json ? json.dump() + "\n" : to_table(consistency));
  return 0;
}

}  // namespace cigli
