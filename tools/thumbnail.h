#pragma once

#include <filesystem>
#include <string>

namespace cigli {

// An image file as an HTML element that holds it, no side longer than 128 pixels; a note where it can't be read. `what`
// is its alternative text.
std::string thumbnail(const std::filesystem::path& file, const std::string& what);

}  // namespace cigli
