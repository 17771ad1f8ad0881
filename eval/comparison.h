#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "eval/score.h"

namespace cigli {

// Row scores that `cigli evaluate --rows` wrote, one file a training of the same kind: each row's mean over the files,
// in the first one's clusters. Throws Error "FILE:LINE: reason" for a line that is no row score, and when the files
// score different rows: others by id, family, or what training showed of them.
std::vector<RowScore> read_row_scores(const std::vector<std::filesystem::path>& files);

// Row by row, a minus b: the mean of the differences with its interval, by the same groups as the scores themselves.
// Paired, so that what makes a row hard for both drops out. Throws Error when a and b do not score the same rows.
GroupedScores paired_difference(const std::vector<RowScore>& a, const std::vector<RowScore>& b,
                                const BootstrapOptions& bootstrap = {});

}  // namespace cigli
