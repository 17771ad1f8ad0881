#include <iostream>

#include "eval/comparison.h"
#include "tools/commands.h"

namespace cigli {
namespace {

struct CompareOptions {
  std::vector<std::string> rows, against;
  bool json = false;
  BootstrapOptions bootstrap;
  std::int64_t seed = 0;

  void visit(Fields& f) {
    f("rows", rows, "files of `cigli evaluate --rows`, one a training; a row's score is their mean", Required{});
    f("against", against, "the same of what they are compared with");
    f("json", json, "print JSON instead of tables");
    f("resamples", bootstrap.resamples, "bootstrap resamples behind an interval", Range{1, 1e6});
    f("seed", seed, "seed of the bootstrap", Range{0, 9e15});
  }
};

std::vector<RowScore> read(const std::vector<std::string>& files) {
  return read_row_scores({files.begin(), files.end()});
}

}  // namespace

int run_compare(const Arguments& arguments) {
  auto options = parse<CompareOptions>(arguments);
  options.bootstrap.seed = static_cast<std::uint64_t>(options.seed);
  const std::vector<RowScore> rows = read(options.rows);
  const GroupedScores scores = group_scores(rows, options.bootstrap);
  nlohmann::ordered_json json = to_json(scores);
  std::string table = to_table(scores, "mean of " + std::to_string(options.rows.size()));
  if (!options.against.empty()) {
    const GroupedScores difference = paired_difference(rows, read(options.against), options.bootstrap);
    json["difference"] = to_json(difference);
    table += "\n" + to_table(difference, "difference, paired");
  }
  std::cout << (options.json ? json.dump() + "\n" : table);
  return 0;
}

}  // namespace cigli
