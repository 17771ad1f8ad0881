#pragma once

#include <filesystem>
#include <functional>
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

// The rows of a dataset that are for training: those of split `train`, or where no row is of it, those without a split.
// Faulty lines are passed over. Throws Error where there are none.
void scan_training_rows(const std::filesystem::path& data, const std::function<void(Row&&)>& on_row);

// Their targets, each file once; or all images of a folder without metadata.jsonl. Throws Error where there are none.
std::vector<std::filesystem::path> training_images(const std::filesystem::path& data);

// The images of a folder that answer rows: what results.jsonl lists with the row's id and is there; of several images
// of the row (by "k", else by the name ID-K) the first, and of those the one listed last. Where there is none, ID.png,
// .jpg, .jpeg or .bmp, or the same of ID-0, unless results.jsonl has a row that is called that.
class Answers {
 public:
  // Reads results.jsonl, where there is one. Throws Error where it lists a file outside the folder.
  explicit Answers(std::filesystem::path folder);
  std::filesystem::path to(const std::string& id) const;  // "" for none
  // All that results.jsonl lists with this id, what answers it first.
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
