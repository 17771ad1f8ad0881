#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "eval/features/extractor.h"

namespace cigli {

struct ExtractionOptions {
  std::int64_t batch_size = 32;
  std::int64_t workers = 0;  // that decode; 0: all cores
  std::function<void(std::int64_t done, std::int64_t all)> on_progress;
};

// Images that can't be read, by their number: "FILE: reason".
using Damaged = std::vector<std::pair<std::size_t, std::string>>;

// Features of image files, batch by batch and in order: `take` gets them with the files' numbers. While the network is
// at work on one batch, the next is decoded; memory is that of two. Damaged images are passed over and returned.
Damaged extract(const FeatureExtractor& extractor, const std::vector<std::filesystem::path>& files,
                const std::function<void(const FeatureBatch&, const std::vector<std::size_t>&)>& take,
                const ExtractionOptions& options = {});

// The same, all kept: rows of the images that could be read.
struct ExtractedSet {
  FeatureBatch rows;
  std::vector<std::size_t> numbers;  // of the files that the rows are of, ascending
  Damaged damaged;
};
ExtractedSet extract_all(const FeatureExtractor& extractor, const std::vector<std::filesystem::path>& files,
                         const ExtractionOptions& options = {});

}  // namespace cigli
