#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "dataset/metadata.h"

namespace cigli {

// Image files that someone made. Of a folder with results.jsonl (`cigli generate`) those that it lists, each once;
// where it lists none that is there, all of the folder and its subfolders (PNG, JPEG, BMP; contact.png is none), by
// name. Throws Error where there are none.
std::vector<std::filesystem::path> image_files(const std::filesystem::path& folder);

// Real images: the targets of a dataset folder's rows, of this split alone ("" = all), each file once; or all images of
// a folder without metadata.jsonl, which has no splits. Throws Error where there are none.
std::vector<std::filesystem::path> real_images(const std::filesystem::path& data, const std::string& split);

// The images of a folder that answer rows: ID.png, .jpg, .jpeg or .bmp, or ID-0 where there are several; else the first
// that results.jsonl lists with this id and that is there.
class Answers {
 public:
  // Reads results.jsonl, where there is one. Throws Error where it lists a file outside the folder.
  explicit Answers(std::filesystem::path folder);
  std::filesystem::path to(const std::string& id) const;  // "" for none
  // All that results.jsonl lists with this id.
  const std::vector<std::filesystem::path>& listed(const std::string& id) const;

 private:
  std::filesystem::path folder_;
  std::map<std::string, std::vector<std::filesystem::path>> listed_;
};

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
