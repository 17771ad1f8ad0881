#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "dataset/image.h"

namespace cigli {

// A sentence under a row of images.
struct SheetCard {
  std::string text;
  std::vector<Image> images;
};

// Cards in `columns` columns on white, each image enlarged by a whole factor to at least 96 pixels a side, sentences
// wrapped. Characters beyond ASCII are drawn as `?`. Throws Error without cards.
Image draw_contact_sheet(const std::vector<SheetCard>& cards, std::int64_t columns);

// One row of the page: files as the page's folder sees them, "" for an image that could not be made.
struct PageRow {
  std::string id, text;
  std::filesystem::path prompt;
  std::vector<std::filesystem::path> results;
};

// A static HTML page `prompt | sentence | results` without scripts; `all` is the number of rows there are when the page
// shows the first of them alone.
std::string contact_page(const std::string& title, const std::vector<PageRow>& rows, std::size_t all);

}  // namespace cigli
