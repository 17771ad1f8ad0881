#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace cigli {

// One row of a table that draws a bar for `value` out of `most`; `note` is HTML.
std::string bar(const std::string& label, std::int64_t value, std::int64_t most, const std::string& note = "");
// A section with a bar for each value, under a heading.
std::string bars(const std::string& heading, const std::vector<std::pair<std::string, std::int64_t>>& values);

}  // namespace cigli
