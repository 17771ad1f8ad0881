#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "eval/conditional/row_metrics.h"
#include "eval/score.h"
#include "tools/image_scores.h"

namespace cigli {

// What metrics lose, row by row: {"r_precision_dataset": {"drop", "n", "ci"}, ...} for those that both have; values of
// the same rows.
nlohmann::ordered_json drops(const RowMetrics& own, const RowValues& swapped, const BootstrapOptions& bootstrap);
// The same of the rows that both have.
nlohmann::ordered_json drops(const RowMetrics& own, const RowMetrics& swapped, const BootstrapOptions& bootstrap);

// a - b, metric by metric that both have: {"fd_dataset": {"value", "ci", "n", "distinguishable", ...}}. Answers are the
// same where they are of the same rows, whatever their files are called; without rows, by their names. Where there is
// no interval, ci and distinguishable are null and "note" says why; "ci_about" names what the interval is about where
// that isn't the value; "n" is a pair where it differs. "warning" where the number of images may make all of the
// difference, with the "bias" where that is known.
nlohmann::ordered_json difference(const ImageScores& a, const ImageScores& b, const BootstrapOptions& bootstrap);
// An entry of it, of a mean over rows that has its interval.
nlohmann::ordered_json difference_of(const Score& apart);

}  // namespace cigli
