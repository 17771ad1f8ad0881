#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace cigli {

struct Finding {
  bool error = false;     // an error keeps the row from being packed and trained on; else a warning
  std::int64_t line = 0;  // of metadata.jsonl; 0 = the whole dataset
  std::string id;
  std::string message, suggestion;
};

struct CheckReport {
  std::int64_t rows = 0;                       // usable lines of metadata.jsonl
  std::map<std::string, std::int64_t> splits;  // rows of each split, "" = without one
  std::vector<Finding> findings;               // by line
  bool trainable = false;                      // no errors, and at least one row to train on
  std::int64_t errors() const;
};

// Reads a dataset folder as packing and training would, images included, and reports every fault: malformed rows,
// duplicate ids, missing or damaged images; and what would trouble a user later: ids that can't be file names, split
// names that look mistyped, one image in two splits, no rows to train on. Throws Error only when the metadata can't be
// read at all. `workers` threads decode (0: all cores).
CheckReport check_dataset(const std::filesystem::path& folder, std::int64_t workers = 0);

// Whether `<id>.png` can be written and found again: 1-200 bytes, no slash, backslash or control character, not
// starting with a dot.
bool can_be_file_name(const std::string& id);

nlohmann::ordered_json to_json(const CheckReport& report);

}  // namespace cigli
