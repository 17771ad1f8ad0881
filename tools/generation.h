#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "dataset/requests.h"
#include "decoder/generator.h"

namespace cigli {

// How a batch of requests is carried out.
struct GenerationSettings {
  SamplerOptions sampling;
  std::string precision;  // "bf16", "fp16" or "fp32"
  std::int64_t batch_size = 16;
  bool metadata = true;  // PNG text chunks
  std::string swap;      // "", "text" or "image": what every request has from another one
  std::string model_hash;
};

// One image to make: image `k` of a request.
struct ImageJob {
  const ImageRequest* request = nullptr;
  std::int64_t k = 0;
  std::uint64_t seed = 0;
  std::string file;  // name inside the output folder
};

// A request that gave no image, with the reason; `line` is 0 for a request of the command line.
using Failures = std::vector<RowFault>;

// The jobs of all requests: `count` images each and `seed` where a request names none. Requests whose files would
// collide go to `failures`.
std::vector<ImageJob> plan_jobs(const std::vector<ImageRequest>& requests, std::int64_t count, std::uint64_t seed,
                                Failures& failures);

// What `results.jsonl` says of an image, without the seconds it took: id, k, file, seed, text, image, image_sha256 (of
// the prompt's file), settings, model.
nlohmann::ordered_json describe(const ImageJob& job, const std::string& image_hash, const GenerationSettings& settings);

// The lines of `folder`/results.jsonl, the last one of each file; none where it is absent.
std::vector<nlohmann::ordered_json> read_results(const std::filesystem::path& folder);

// The result lines of jobs whose images are there already: readable, and made with the same text, prompt (name and
// content), seed, settings and model, as the PNG's text chunks or results.jsonl tell.
std::vector<nlohmann::ordered_json> find_finished(const std::filesystem::path& folder,
                                                  const std::vector<ImageJob>& jobs, const GenerationSettings& settings,
                                                  std::int64_t threads);

// Makes the images of `jobs` into `folder` and returns a result line each, null for a job that failed (its prompt can't
// be read). Stops early, with the rest null, when the process is asked to end. `record` gets each line as soon as its
// image is written, one at a time.
std::vector<nlohmann::ordered_json> make_images(Generator& model, const std::filesystem::path& folder,
                                                const std::vector<ImageJob>& jobs, const GenerationSettings& settings,
                                                Failures& failures,
                                                const std::function<void(const nlohmann::ordered_json&)>& record);

}  // namespace cigli
