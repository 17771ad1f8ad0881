#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace cigli {

// Scores of `cigli evaluate` as lines of text: a line a metric with its interval and n, then what swapping inputs
// costs. Members that are no metrics ("conventions", ...) are passed over.
std::string score_table(const nlohmann::ordered_json& scores);
// The same of differences between two folders' scores (ImageScorer::difference), with what can't be told apart.
std::string difference_table(const nlohmann::ordered_json& difference);

}  // namespace cigli
