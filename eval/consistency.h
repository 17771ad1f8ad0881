#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "eval/score.h"

namespace cigli {

struct ConsistencyOptions {
  std::string split;          // rows of this split alone; "" = all
  bool present_only = false;  // leave rows without an image out instead of counting them as failures
  std::int64_t threads = 0;   // 0: all cores
  BootstrapOptions bootstrap;
};

struct Consistency {
  GroupedScores scores;
  std::vector<RowScore> rows;        // every row scored, in the dataset's order
  std::vector<std::string> missing;  // ids without an image: failures, or left out
  std::vector<std::string> damaged;  // images that can't be read, "FILE: reason": scored as failures
  std::vector<std::string> faults;   // rows of the dataset that can't be used, "FILE:LINE: reason"
};

// Judges `generated`/<id>.png for every row of a synthetic dataset: a row holds when the generated image makes its
// program true of its prompt and leaves all else as it was (dataset/shapes/checker.h). Intervals are by clusters
// (rows.h). Throws Error when no row of the split is there, a row carries no program, or no image at all was found.
Consistency score_consistency(const std::filesystem::path& generated, const std::filesystem::path& data,
                              const ConsistencyOptions& options = {});

// Whether rows of the dataset carry programs.
bool has_programs(const std::filesystem::path& data);

// The scores' keys and "missing": count, "damaged": count, "unusable": count.
nlohmann::ordered_json to_json(const Consistency& consistency);
// The same as lines of text.
std::string to_table(const Consistency& consistency);

}  // namespace cigli
