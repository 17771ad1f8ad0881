#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <unordered_map>
#include <vector>

#include "dataset/hygiene.h"
#include "eval/necessity.h"

namespace cigli {

struct GateOptions {
  std::string gate, undecided = "keep";
  std::int64_t size = 32;
  NecessityOptions necessity;
  void visit(Fields& f);
};

// Judges what hygiene leaves of a dataset by how far its rows need both inputs.
class NecessityGate {
 public:
  // Packs the rows that `hygiene` (which has looked) doesn't object to into `workspace` and judges them there, with
  // progress on stderr. Throws Interrupted when asked to end; the next run goes on from the workspace.
  NecessityGate(Hygiene& hygiene, const std::filesystem::path& data, const std::filesystem::path& workspace,
                const GateOptions& options);

  // Adds the gate's objection, where it has one, to a row without any.
  void judge(const Row& row, Judgement& judgement) const;

  // NecessityTable::json, and under "planted" how well the necessity tells rows with a key "planted" from others, where
  // there are any: {"rows", "auroc", "ci"}.
  nlohmann::ordered_json json() const;
  // A line a row: id, evidence, necessity, spread, need.
  std::string lines() const;
  // The page's section: what was found out, a histogram of necessity.
  std::string section() const;
  std::string text() const;  // the same in a few lines for a terminal

 private:
  GateOptions options_;
  NecessityTable table_;
  std::unordered_map<std::string, std::size_t> places_;  // id -> place in table_.rows
  std::vector<double> planted_, genuine_;                // necessities, where some rows are planted
  Clusters of_planted_, of_genuine_;
};

}  // namespace cigli
