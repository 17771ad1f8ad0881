#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "dataset/metadata.h"

namespace cigli {

// The rows of a dataset folder that images can be scored against, of this split alone ("" = all). Rows that can't be
// used (malformed, or with an id that is no file name) go to `faults` as "FILE:LINE: reason". Throws Error when none is
// left.
std::vector<Row> scorable_rows(const std::filesystem::path& data, const std::string& split,
                               std::vector<std::string>& faults);

}  // namespace cigli
