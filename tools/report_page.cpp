#include "tools/report_page.h"

#include "runtime/text.h"
#include "tools/thumbnail.h"

namespace cigli {
namespace {

constexpr const char* kReportStyle = R"(
  body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 70em; padding: 0 1em; color: #222;
    background: #fff; }
  h1 { margin-bottom: 0; } h2 { margin: 1.8em 0 .3em; } p { max-width: 48em; } small { color: #595959; font-weight:
    400; }
  table { border-collapse: collapse; table-layout: fixed; width: 100%; max-width: 56em; } caption { text-align: left;
    font-weight: 600; padding: 1.2em 0 .2em; }
  td, th { padding: .25em .8em .25em 0; text-align: left; vertical-align: top; border-bottom: 1px solid #e4e4e4; }
  th[scope=row] { font-weight: 400; overflow-wrap: anywhere; } .n { text-align: right; white-space: nowrap; }
  .n small { display: block; } th:first-child { width: 34%; } th.measure { width: 25%; } th:last-child { width: 3em; }
    svg { display: block; overflow: visible; }
  svg text { font-size: 11px; fill: #595959; } .scale { stroke: #999; } .range { stroke: #0a63c9; stroke-width: 4;
    opacity: .55; }
  .centre { stroke: #0a63c9; stroke-width: 2; } .value { fill: #0a4c9b; } .note { display: block; color: #8a2f2f; }
  .cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(21em, 1fr)); gap: 1em; }
  .card { border: 1px solid #ddd; border-radius: 4px; padding: .7em; } .card p { margin: .3em 0; overflow-wrap:
    anywhere; }
  table.free { table-layout: auto; width: auto; font-size: 14px; } .scroll { overflow-x: auto; } table.free td.n {
    text-align: left; } table.free th { width: auto; } table.free th[scope=row] { overflow-wrap: normal; }
  table.free td:last-child, table.free th:last-child { width: auto; }
  table.results { max-width: none; } table.results th:first-child { width: 36%; } table.results th:nth-child(2) { width: 16%; }
  table.results th:last-child { width: 26%; } table.results td:last-child { overflow-wrap: anywhere; } tr.group th { padding-top: 1em; }
  .under { display: block; } .images { display: flex; gap: 6px; } figure { margin: 0; flex: 1 1 0; min-width: 0; max-width: 132px; }
  figure img { width: 100%; image-rendering: pixelated; border: 1px solid #ddd; display: block; box-sizing:
    border-box; }
  figcaption { font-size: 12px; line-height: 1.3; color: #595959; } .asked { margin-right: 10px; }
  .none { display: block; aspect-ratio: 1; background: #f3f3f3; color: #595959; text-align: center; padding-top: 35%;
    box-sizing: border-box; }
  .values { font-size: 13px; color: #444; margin: .3em 0 0; } .values b { font-weight: 600; color: #222; }
  footer { margin-top: 2.5em; border-top: 1px solid #ddd; font-size: 13px; color: #444; } dt { font-weight: 600; } dd
    { margin: 0 0 .3em; overflow-wrap: anywhere; }
  @media (max-width: 40em) { .cards { grid-template-columns: 1fr; } td, th { padding-right: .5em; } .n { white-space:
    normal; }
  th:first-child { width: 31%; } th.measure { width: 26%; } th:last-child { width: 2em; } td:last-child, th:last-child
    { padding-right: 0; } }
)";

// An interval, and what follows it, stands small below its value.
std::string value_cell(const std::string& text) {
  const std::size_t interval = text.find(" [");
  if (interval == std::string::npos) return escape_html(text);
  return escape_html(text.substr(0, interval)) + " <small>" + escape_html(text.substr(interval + 1)) + "</small>";
}

}  // namespace

std::string report_page(const std::string& title, const std::string& body) {
  return "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
         "content=\"width=device-width, initial-scale=1\">\n<title>" +
         escape_html(title) + "</title>\n<style>" + kReportStyle + "</style>\n<h1>" + escape_html(title) + "</h1>\n" +
         body + "</html>\n";
}

std::string report_table(const std::vector<TableLine>& lines, const std::string& caption) {
  std::string html = "<div class=\"scroll\" tabindex=\"0\">\n<table class=\"free\">\n<caption>" + escape_html(caption) +
                     "</caption>\n";
  for (std::size_t row = 0; row < lines.size(); ++row) {
    html += "<tr>";
    for (std::size_t i = 0; i < lines[row].size(); ++i)
      html += row == 0 ? "<th scope=\"col\">" + escape_html(lines[row][i])
              : i == 0 ? "<th scope=\"row\">" + escape_html(lines[row][i])
                       : "<td class=\"n\">" + value_cell(lines[row][i]);
    html += "\n";
  }
  return html + "</table></div>\n";
}

std::string report_figure(const std::filesystem::path& file, const std::string& what, const std::string& caption,
                          const char* style) {
  return std::string("<figure class=\"") + style + "\">" + thumbnail(file, what) + "<figcaption>" +
         escape_html(caption) + "</figcaption></figure>";
}

}  // namespace cigli
