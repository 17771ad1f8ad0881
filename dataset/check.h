#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "runtime/options.h"

namespace cigli {

// An error keeps a row from being packed and trained on; a leak lets training see what it is scored by; the rest are
// warnings.
enum class Level { error, leak, warning };
const std::string& name(Level level);

struct Finding {
  Level level = Level::warning;
  std::int64_t line = 0;  // of metadata.jsonl; 0 = the whole dataset
  std::string id;
  std::string message, suggestion;
};

struct CheckReport {
  std::int64_t rows = 0;                       // usable lines of metadata.jsonl
  std::map<std::string, std::int64_t> splits;  // rows of each split, "" = without one
  std::vector<Finding> findings;               // by line
  std::int64_t count(Level level) const;
  bool passes() const { return count(Level::error) == 0 && count(Level::leak) == 0; }
};

struct CheckOptions {
  std::vector<std::string> allow;  // "leak": pictures may be in two splits
  std::int64_t workers = 0;
  void visit(Fields& f);
};

// Reads a dataset folder as packing and training would, images included, and reports every fault: malformed rows,
// duplicate ids, missing or damaged images, no rows to train on; pictures shared by splits (Hygiene tells which are the
// same); and what would trouble a user later: ids that can't be file names, split names that look mistyped, images that
// are tiny, blank or very long, doubtful sentences, rows that are there twice. Throws Error only when the metadata
// can't be read at all.
CheckReport check_dataset(const std::filesystem::path& folder, const CheckOptions& options = {},
                          const std::function<void(std::int64_t rows)>& on_progress = {});

// Whether `<id>.png` can be written and found again: 1-200 bytes, no slash, backslash or control character, not
// starting with a dot.
bool can_be_file_name(const std::string& id);

nlohmann::ordered_json to_json(const CheckReport& report);

}  // namespace cigli
