#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace cigli {

// One HTML page without scripts or other files; `body` stands below its title.
std::string report_page(const std::string& title, const std::string& body);

// Cells of a table's line. A table is as wide as its cells and scrolls where that is wider than the page; the first
// line names the columns, each other one begins with its own name. Of values, what follows from " [" on, an interval,
// stands small below. Text is escaped.
using TableLine = std::vector<std::string>;
std::string report_table(const std::vector<TableLine>& lines, const std::string& caption);

// An image file within the page, small, and below it a caption; `style` is a class. A note where it can't be read.
std::string report_figure(const std::filesystem::path& file, const std::string& what, const std::string& caption,
                          const char* style = "");

}  // namespace cigli
