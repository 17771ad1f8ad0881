#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "eval/study/key.h"
#include "runtime/options.h"

namespace cigli {

struct StudyExportOptions {
  std::vector<std::string> system;    // NAME=FOLDER each
  std::vector<std::string> ablation;  // NAME:text=FOLDER or NAME:image=FOLDER each
  std::string data, split, out, key, text, mode = "pairs", design = "all-pairs", baseline, adapter, host;
  std::int64_t items = 0, raters = 3, items_per_rater = 30, examples = 2, seed = 0;
  double attention = 0.05, catches = 0.05, repeats = 0.05;
  bool strict = false;
  StudyExclusion exclusion;
  void visit(Fields& f);
};

// Of what the adapter needs: the packet's folder with "-mturk" and the like behind its name.
std::filesystem::path adapter_folder(const StudyExportOptions& options);

// What was made of it.
struct StudyExport {
  std::int64_t items = 0, lists = 0, shortest = 0, longest = 0;  // trials of a list
  std::int64_t examples = 0;
  std::vector<std::string> left_out;  // "FILE:LINE: row ...: reason", rows that can't be shown
  std::vector<std::string> unshared;  // "FOLDER answers 480 of the 500 rows that some system answers"
};

// Draws items of the rows that all systems answer, brings the candidates of each to the largest size among them, and
// writes the packet, a new folder, its key and, beside the packet, what an adapter needs, all or nothing. Throws
// UsageError for options that don't fit together, Error where too few rows can be shown, the packet is there already,
// or the key would lie in it.
StudyExport export_study(const StudyExportOptions& options,
                         const std::function<void(std::int64_t done)>& on_progress = {});

}  // namespace cigli
