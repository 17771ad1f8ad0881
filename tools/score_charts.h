#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace cigli {

// Scores of `cigli evaluate --json` as HTML: tables of the metrics with their intervals drawn, of the consistency, of
// differences and of what swapped inputs cost, as far as each is there.
std::string score_section(const nlohmann::ordered_json& scores);

// Of a metric by its name: a distance, and not a share.
bool less_is_better(const std::string& metric);

// A value as text: strings without quotes, all else as JSON.
std::string dumped(const nlohmann::ordered_json& json);

}  // namespace cigli
