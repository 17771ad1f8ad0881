#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

#include "tools/generation.h"

namespace cigli {

// Writes what a batch leaves beside its images: results.jsonl (a line an image, those of
// earlier runs into this folder first), failed.jsonl (a line a request that
// gave none; removed when there are none), contact.png (the first 48 requests) and index.html (the first 200).
// `results` stand beside `jobs`, null where there is no image. Prompts are drawn in the model's shape.
void write_reports(const std::filesystem::path& folder, const std::vector<ImageJob>& jobs,
                   const std::vector<nlohmann::ordered_json>& results, const Failures& failures,
                   const ModelOptions& options);

}  // namespace cigli
