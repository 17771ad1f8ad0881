#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace cigli {

// A line of a JSONL file. Both throw Error with the reason alone: the caller knows file and line.
// The line as an object; at most 1 MB, UTF-8, nested at most 64 deep.
nlohmann::ordered_json parse_json_line(std::string_view line);
// A member that must be a string with something in it and without NUL.
std::string string_member(const nlohmann::ordered_json& object, const char* key);

}  // namespace cigli
