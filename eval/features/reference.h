#pragma once

#include <torch/types.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "eval/metrics/moments.h"

namespace cigli {

// Statistics of a set's features in pytorch-fid's .npz: `mu` [D], `sigma` [D,D] over n - 1, and what it doesn't write:
// `n`, `features` (uint8: the JSON of FeatureExtractor::identity) and, where they are kept, the `rows` [N,D]
// themselves.
struct Reference {
  Gaussian statistics;
  std::int64_t n = 0;               // 0: not known
  nlohmann::ordered_json identity;  // null: not known
  torch::Tensor rows;               // undefined: not kept
};

void write_reference(const std::filesystem::path& file, const Moments& moments, const nlohmann::ordered_json& identity,
                     const torch::Tensor& rows = {});
// Throws Error naming the file and the array that is missing, can't be used, or contradicts the others: rows must be n,
// with mu and sigma as their mean and covariance to 1e-6. Of a file without them, rows, n and identity aren't known.
Reference read_reference(const std::filesystem::path& file);
// The moments of all sets together. Throws Error where n isn't known, the features differ or a file stands twice.
Moments merged(const std::vector<std::filesystem::path>& files, nlohmann::ordered_json& identity);

// Throws Error, naming both, unless features of these identities may be compared; unknown ones may.
void check_identity(const nlohmann::ordered_json& a, const std::string& name_a, const nlohmann::ordered_json& b,
                    const std::string& name_b);

}  // namespace cigli
