#include "dataset/contact_sheet.h"

#include <algorithm>
#include <opencv2/imgproc.hpp>
#include <sstream>

#include "dataset/image_view.h"
#include "runtime/error.h"
#include "runtime/text.h"

namespace cigli {
namespace {

constexpr int margin = 8, line_height = 16, least_side = 96;
constexpr int font = cv::FONT_HERSHEY_SIMPLEX;
constexpr double font_scale = 0.42;

int width_of(const std::string& text) { return cv::getTextSize(text, font, font_scale, 1, nullptr).width; }

// OpenCV's fonts are ASCII; one question mark a character, not a byte.
std::string drawable(const std::string& text) {
  std::string ascii;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80)
      ascii += byte < 0x20 ? ' ' : c;
    else if (byte >= 0xc0)
      ascii += '?';
  }
  return ascii;
}

std::vector<std::string> wrap(const std::string& text, int width) {
  constexpr std::size_t most_lines = 6;
  std::vector<std::string> lines;
  std::istringstream words(drawable(text.substr(0, 1000)));
  for (std::string word; words >> word;) {
    while (width_of(word) > width) word.pop_back();
    if (lines.empty() || width_of(lines.back() + " " + word) > width) {
      if (lines.size() == most_lines) {
        lines.back() += "...";
        break;
      }
      lines.push_back(word);
    } else {
      lines.back() += " " + word;
    }
  }
  return lines;
}

int enlargement(const Image& image) {
  const auto side = static_cast<int>(std::max<std::int64_t>(1, std::min(image.width, image.height)));
  return std::max(1, (least_side + side - 1) / side);
}

cv::Mat draw_card(const SheetCard& card) {
  int width = margin, height = 0;
  for (const Image& image : card.images) {
    width += static_cast<int>(image.width) * enlargement(image) + margin;
    height = std::max(height, static_cast<int>(image.height) * enlargement(image));
  }
  width = std::max(width, least_side + 2 * margin);
  const std::vector<std::string> lines = wrap(card.text, width - 2 * margin);
  cv::Mat drawn(2 * margin + height + line_height * static_cast<int>(lines.size()), width, CV_8UC3,
                cv::Scalar::all(255));
  int x = margin, y = margin + height;
  for (const Image& image : card.images) {
    const int factor = enlargement(image);
    const cv::Rect place(x, margin, static_cast<int>(image.width) * factor, static_cast<int>(image.height) * factor);
    cv::resize(view(image), drawn(place), place.size(), 0, 0, cv::INTER_NEAREST);
    x += place.width + margin;
  }
  for (const std::string& line : lines)
    cv::putText(drawn, line, {margin, (y += line_height) - 3}, font, font_scale, cv::Scalar::all(0), 1, cv::LINE_AA);
  return drawn;
}

// A path as a relative URL: every byte that is not plain is escaped.
std::string url_of(const std::filesystem::path& path) {
  static const char* const digits = "0123456789ABCDEF";
  std::string url;
  for (const char c : path.generic_string()) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~/").find(c) != std::string_view::npos;
    if (plain)
      url += c;
    else
      url += {'%', digits[byte >> 4], digits[byte & 15]};
  }
  return url;
}

std::string image_tag(const std::filesystem::path& file, const std::string& alternative) {
  if (file.empty()) return "<span>none</span>";
  return "<img loading=\"lazy\" src=\"" + url_of(file) + "\" alt=\"" + escape_html(alternative) + "\">";
}

}  // namespace

Image draw_contact_sheet(const std::vector<SheetCard>& cards, std::int64_t columns) {
  if (cards.empty()) throw Error("a contact sheet needs at least one row");
  std::vector<cv::Mat> drawn;
  for (const SheetCard& card : cards) drawn.push_back(draw_card(card));
  const auto across = static_cast<std::size_t>(std::max<std::int64_t>(1, columns));
  int cell_width = 0, height = 0;
  std::vector<int> row_heights;
  for (std::size_t i = 0; i < drawn.size(); ++i) {
    cell_width = std::max(cell_width, drawn[i].cols);
    if (i % across == 0) row_heights.push_back(0);
    row_heights.back() = std::max(row_heights.back(), drawn[i].rows);
  }
  for (const int row : row_heights) height += row;
  Image sheet(cell_width * static_cast<std::int64_t>(std::min(across, drawn.size())), height, 255);
  const cv::Mat pixels = view(sheet);
  int y = 0;
  for (std::size_t i = 0; i < drawn.size(); ++i) {
    const int x = cell_width * static_cast<int>(i % across);
    drawn[i].copyTo(pixels(cv::Rect(x, y, drawn[i].cols, drawn[i].rows)));
    if (i % across == across - 1) y += row_heights[i / across];
  }
  return sheet;
}

std::string contact_page(const std::string& title, const std::vector<PageRow>& rows, std::size_t all) {
  std::string page = "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>" + escape_html(title) +
                     "</title>\n<style>\n"
                     "  body { font: 15px/1.4 system-ui, sans-serif; margin: 1.5em; color: #222; background: #fff; }\n"
                     "  td, th { padding: .4em .8em; text-align: left; border-bottom: 1px solid #ddd; }\n"
                     "  table { border-collapse: collapse; } small { color: #666; }\n"
                     "  img { min-width: 96px; max-width: 256px; image-rendering: pixelated; margin-right: 4px; }\n"
                     "</style>\n<h1>" +
                     escape_html(title) + "</h1>\n";
  page += "<p>" + (rows.size() < all ? "The first " + std::to_string(rows.size()) + " of " : std::string()) +
          std::to_string(all) + " rows.</p>\n<table>\n<tr><th>prompt<th>sentence<th>results\n";
  for (const PageRow& row : rows) {
    page += "<tr><td>" + image_tag(row.prompt, "prompt of " + row.id) + "<td>" + escape_html(row.text) + "<br><small>" +
            escape_html(row.id) + "</small><td>";
    for (const std::filesystem::path& result : row.results) page += image_tag(result, "result of " + row.id);
    page += "\n";
  }
  return page + "</table>\n</html>\n";
}

}  // namespace cigli
