#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
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

// What a narrower type changes in features: those of the first of `files` are `rounded` [N,D], of as many as take a
// moment at most, and `exact` computes them anew.
struct RoundingEffect {
  std::int64_t images = 0;
  double relative_error = 0;
  std::optional<double> distance;  // Fréchet's, of the features either way; not of a single image
};
constexpr std::size_t kRoundingImages = 128;
RoundingEffect effect_of_rounding(const FeatureExtractor& exact, std::vector<std::filesystem::path> files,
                                  const torch::Tensor& rounded);
// The same as a line for people.
std::string to_line(const RoundingEffect& effect);

}  // namespace cigli
