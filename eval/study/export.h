#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "eval/study/export_options.h"

namespace cigli {

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
