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

// The rows of one name are not independent draws (Clusters): those of NLVR v1 that share a sentence's number, of NLVR2
// an image set, of the synthetic world a prompt's scene (--per-prompt gives each row a copy of it), of other data a
// prompt's file.
std::string cluster_of(const Row& row);

}  // namespace cigli
