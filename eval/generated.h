#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "dataset/metadata.h"

namespace cigli {

// Image files that someone made. Of a folder with results.jsonl (`cigli generate`) those that it lists; else all of it
// and its subfolders (PNG, JPEG, BMP), by name. Throws Error where there are none.
std::vector<std::filesystem::path> image_files(const std::filesystem::path& folder);

// Real images: the targets of a dataset folder's rows, of this split alone ("" = all), each file once; or all images of
// a folder without metadata.jsonl. Throws Error where there are none.
std::vector<std::filesystem::path> real_images(const std::filesystem::path& data, const std::string& split);

// The image that answers a row: `folder`/ID.png, .jpg, .jpeg or .bmp, or ID-0 where there are several; "" for none.
std::filesystem::path answer_to(const std::filesystem::path& folder, const std::string& id);

// Rows of a dataset with the images that answer them.
struct AnsweredRows {
  std::vector<Row> rows;                      // those with an image, in the dataset's order
  std::vector<std::filesystem::path> images;  // one a row
  std::vector<std::string> missing;           // ids of rows without one
  std::vector<std::string> unasked;           // names of images that answer no row
  std::vector<std::string> faults;            // rows that can't be used, "FILE:LINE: reason"
};
// Throws Error where no row is answered.
AnsweredRows answered_rows(const std::filesystem::path& folder, const std::filesystem::path& data,
                           const std::string& split);

}  // namespace cigli
