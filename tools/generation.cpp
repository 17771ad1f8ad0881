#include "tools/generation.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <future>
#include <set>
#include <unordered_map>

#include "dataset/fit.h"
#include "dataset/image.h"
#include "dataset/json_line.h"
#include "dataset/parallel.h"
#include "dataset/tensor_image.h"
#include "decoder/fitting_batches.h"
#include "runtime/error.h"
#include "runtime/files.h"
#include "runtime/hash.h"
#include "runtime/interrupt.h"
#include "runtime/progress.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// The keys of a result line that say how an image came to be.
constexpr const char* recipe[] = {"id", "k", "seed", "text", "image", "image_sha256", "settings", "model"};

TextChunks chunks_of(const Json& result) {
  TextChunks chunks{{"Software", "cigli"}};
  for (const char* key : recipe) {
    const Json& value = result.at(key);
    chunks[key] = value.is_string() ? value.get<std::string>() : value.dump();
  }
  return chunks;
}

// Whether the image is whole and known to be made in the way that is wanted.
bool is_finished(const fs::path& file, const Json& wanted, const Json* last) {
  try {
    read_image(file);
    const TextChunks chunks = read_png_text(file);
    if (chunks.count("settings")) {
      const TextChunks expected = chunks_of(wanted);
      return std::includes(chunks.begin(), chunks.end(), expected.begin(), expected.end());
    }
  } catch (const Error&) {
    return false;
  }
  return last && std::all_of(std::begin(recipe), std::end(recipe),
                             [&](const char* key) { return last->contains(key) && last->at(key) == wanted.at(key); });
}

// Jobs of one batch with their prompts loaded; the others of its stretch failed.
struct LoadedBatch {
  std::vector<std::size_t> jobs;
  std::vector<Request> requests;
  std::vector<std::string> hashes;  // of the prompts' files
  Failures failures;
};

LoadedBatch load_batch(const std::vector<ImageJob>& jobs, std::size_t first, std::size_t last,
                       const ModelOptions& options) {
  LoadedBatch batch;
  for (std::size_t i = first; i < last; ++i) {
    const ImageRequest& request = *jobs[i].request;
    try {
      const std::string bytes = read_file(request.image);
      const Image prompt =
          fit(decode_image(bytes, request.image.string()), options.prompt_width, options.prompt_height);
      batch.hashes.push_back(sha256(bytes));
      batch.requests.push_back({request.id, request.text, to_tensor(prompt), jobs[i].seed, jobs[i].k});
      batch.jobs.push_back(i);
    } catch (const Error& error) {
      const bool known = !batch.failures.empty() && batch.failures.back().id == request.id;
      if (!known) batch.failures.push_back({request.line, request.id, error.what()});
    }
  }
  return batch;
}

}  // namespace

std::vector<Json> read_results(const fs::path& folder) {
  std::vector<Json> results;
  std::unordered_map<std::string, std::size_t> places;
  const fs::path file = folder / "results.jsonl";
  if (!fs::exists(file)) return results;
  const std::string bytes = read_file(file);
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t end = std::min(bytes.find('\n', at), bytes.size());
    try {
      Json result = parse_json_line(std::string_view(bytes).substr(at, end - at));
      const auto [place, fresh] = places.emplace(string_member(result, "file"), results.size());
      if (fresh) results.emplace_back();
      results[place->second] = std::move(result);
    } catch (const Error&) {  // a damaged line tells nothing about its image
    }
    at = end + 1;
  }
  return results;
}

std::vector<ImageJob> plan_jobs(const std::vector<ImageRequest>& requests, std::int64_t count, std::uint64_t seed,
                                Failures& failures) {
  std::vector<ImageJob> jobs;
  std::set<std::string> taken{"contact.png"};
  for (const ImageRequest& request : requests) {
    const std::int64_t n = request.count.value_or(count);
    std::vector<ImageJob> own;
    std::string collision;
    for (std::int64_t k = 0; k < n; ++k) {
      const std::string file = request.id + (n > 1 ? "-" + std::to_string(k) : "") + ".png";
      if (taken.count(file)) collision = file;
      own.push_back({&request, k, request.seed.value_or(seed), file});
    }
    if (!collision.empty()) {
      failures.push_back({request.line, request.id, "its image " + collision + " is already another one's name"});
      continue;
    }
    for (const ImageJob& job : own) taken.insert(job.file);
    jobs.insert(jobs.end(), own.begin(), own.end());
  }
  return jobs;
}

Json describe(const ImageJob& job, const std::string& image_hash, const GenerationSettings& settings) {
  SamplerOptions sampling = settings.sampling;
  Json result;
  result["id"] = job.request->id;
  result["k"] = job.k;
  result["file"] = job.file;
  result["seed"] = job.seed;
  result["text"] = job.request->text;
  result["image"] = job.request->image_name;
  result["image_sha256"] = image_hash;
  result["settings"] = write_json(fields_of(sampling));
  result["settings"]["precision"] = settings.precision;
  if (!settings.swap.empty()) result["settings"]["swap"] = settings.swap;
  result["model"] = settings.model_hash;
  return result;
}

std::vector<Json> find_finished(const fs::path& folder, const std::vector<ImageJob>& jobs,
                                const GenerationSettings& settings, std::int64_t threads) {
  std::unordered_map<std::string, Json> last;
  for (Json& result : read_results(folder)) {
    const auto name = result.at("file").get<std::string>();
    last[name] = std::move(result);
  }
  std::vector<Json> results(jobs.size());
  for_each_parallel(static_cast<std::int64_t>(jobs.size()), threads, [&](std::int64_t i) {
    const ImageJob& job = jobs[static_cast<std::size_t>(i)];
    if (!fs::exists(folder / job.file)) return;
    std::string image_hash;
    try {
      image_hash = sha256_file(job.request->image);
    } catch (const Error&) {
      return;  // make_images says what is wrong with the prompt
    }
    const auto found = last.find(job.file);
    Json wanted = describe(job, image_hash, settings);
    if (!is_finished(folder / job.file, wanted, found == last.end() ? nullptr : &found->second)) return;
    wanted["seconds"] = found == last.end() || !found->second.contains("seconds") ? Json() : found->second["seconds"];
    results[static_cast<std::size_t>(i)] = std::move(wanted);
  });
  return results;
}

// While one batch is computed, the next one's prompts are read and the last one's images written.
std::vector<Json> make_images(Generator& model, const fs::path& folder, const std::vector<ImageJob>& jobs,
                              const GenerationSettings& settings, Failures& failures,
                              const std::function<void(const Json&)>& record) {
  using Clock = std::chrono::steady_clock;
  std::vector<Json> results(jobs.size());
  const auto size = static_cast<std::size_t>(settings.batch_size);
  const auto load = [&](std::size_t first) {
    return std::async(std::launch::async, load_batch, std::cref(jobs), first, std::min(first + size, jobs.size()),
                      std::cref(model->options));
  };
  const auto write = [&](const LoadedBatch& batch, const std::vector<Image>& images, double seconds) {
    for (std::size_t i = 0; i < batch.jobs.size(); ++i) {
      const ImageJob& job = jobs[batch.jobs[i]];
      Json result = describe(job, batch.hashes[i], settings);
      write_png(folder / job.file, images[i], settings.metadata ? chunks_of(result) : TextChunks{});
      result["seconds"] = seconds;
      record(result);
      results[batch.jobs[i]] = std::move(result);
    }
  };
  const DrawImages draw = [&](const std::vector<Request>& requests) {
    return to_images(model->sample(requests, settings.sampling));
  };
  std::int64_t most = settings.batch_size;
  const InterruptGuard guard;
  Progress progress("images", static_cast<std::int64_t>(jobs.size()));
  std::future<LoadedBatch> next = load(0);
  std::future<void> written;
  for (std::size_t first = 0; first < jobs.size() && !InterruptGuard::requested(); first += size) {
    LoadedBatch batch = next.get();
    next = load(std::min(first + size, jobs.size()));
    failures.insert(failures.end(), batch.failures.begin(), batch.failures.end());
    if (!batch.requests.empty()) {
      const Clock::time_point begin = Clock::now();
      std::vector<Image> images = draw_fitting(draw, batch.requests, most);
      const std::chrono::duration<double> took = Clock::now() - begin;
      if (written.valid()) written.get();
      const double seconds = took.count() / static_cast<double>(batch.jobs.size());
      written = std::async(std::launch::async, write, std::move(batch), std::move(images), seconds);
      progress.update(static_cast<std::int64_t>(std::min(first + size, jobs.size())));
    }
  }
  if (written.valid()) written.get();
  progress.finish();
  return results;
}

}  // namespace cigli
