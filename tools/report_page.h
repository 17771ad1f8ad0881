#pragma once

#include <filesystem>
#include <string>

namespace cigli {

// One HTML page without scripts or other files; `body` stands below its title.
std::string report_page(const std::string& title, const std::string& body);

// An image file within the page, small, and below it a caption; `style` is a class. A note where it can't be read.
std::string report_figure(const std::filesystem::path& file, const std::string& what, const std::string& caption,
                          const char* style = "");

}  // namespace cigli
