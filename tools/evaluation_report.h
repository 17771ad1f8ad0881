#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "eval/features/extraction.h"
#include "tools/image_scores.h"

namespace cigli {

// What a page about scored images is made of. Its parts are left out where what they need isn't there: features of
// both sides for the nearest images, metrics of rows for the best and worst.
struct EvaluationPage {
  const nlohmann::ordered_json& scores;  // all that `cigli evaluate --json` prints
  const ImageScores& images;
  const ExtractedSet& searched;  // for the images nearest to generated ones: a training set's, or the real ones
  const std::vector<std::filesystem::path>& searched_files;
  std::string training;             // dataset that they are of; "" where they are the real images
  std::filesystem::path generated;  // folder of the images that were scored
  std::filesystem::path data;       // dataset folder of the rows, "" where there are none
  std::string split, title;
};

// Writes one HTML page without scripts or other files, thumbnails within it: the scores with their intervals drawn,
// the nearest images by features of a dozen generated ones and authenticity (eval/features/nearest.h), and the rows
// that score worst and best. An image that can't be read leaves a gap. Throws Error where `file` can't be written.
void write_evaluation_page(const std::filesystem::path& file, const EvaluationPage& page);

}  // namespace cigli
