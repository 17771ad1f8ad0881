#include "tools/bar_chart.h"

#include <algorithm>

#include "runtime/text.h"

namespace cigli {

std::string bar(const std::string& label, std::int64_t value, std::int64_t most, const std::string& note) {
  return "<tr><td>" + escape_html(label) + "<td class=\"n\">" + std::to_string(value) +
         "<td><div class=\"bar\" style=\"width:" + std::to_string(most == 0 ? 0 : 300 * value / most) + "px\"></div>" +
         note + "\n";
}

std::string bars(const std::string& heading, const std::vector<std::pair<std::string, std::int64_t>>& values) {
  std::int64_t most = 0;
  for (const auto& [label, value] : values) most = std::max(most, value);
  std::string html = "<section><h3>" + heading + "</h3><table>\n";
  for (const auto& [label, value] : values) html += bar(label, value, most);
  return html + "</table></section>\n";
}

}  // namespace cigli
