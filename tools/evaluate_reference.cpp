#include <iostream>
#include <optional>

#include "eval/features/extraction.h"
#include "eval/features/reference.h"
#include "eval/generated.h"
#include "eval/metrics/feature_metrics.h"
#include "models/embedded.h"
#include "runtime/device.h"
#include "runtime/files.h"
#include "runtime/interrupt.h"
#include "runtime/progress.h"
#include "tools/commands.h"
#include "tools/image_scores.h"

namespace cigli {
namespace {

struct EvaluateReferenceOptions {
  std::string data, out, split;
  FeatureOptions features;
  std::vector<std::string> merge;
  std::int64_t batch_size = 32, workers = 0, threads = 0;
  bool rows = false;

  void visit(Fields& f) {
    f("data", data, "dataset folder, whose targets are taken, or folder of images");
    f("split", split, "rows of this split alone");
    f("merge", merge, "in place of images: files that this command wrote, of parts of one set");
    f("out", out, "statistics to write, .npz", Required{});
    f("rows", rows, "also keep the features of every image, for kid and prdc");
    features.visit(f);
    f("batch_size", batch_size, "images that the network takes at once", Range{1, 4096});
    f("workers", workers, "threads that decode images, 0 = all cores", Range{0, 1024});
    f("threads", threads, "threads, 0 = all cores", Range{0, 4096});
  }
};

int merge(const EvaluateReferenceOptions& options) {
  nlohmann::ordered_json identity;
  const Moments moments = merged({options.merge.begin(), options.merge.end()}, identity);
  std::vector<torch::Tensor> rows;
  for (std::size_t i = 0; options.rows && i < options.merge.size(); ++i) {
    rows.push_back(read_reference(options.merge[i]).rows);
    if (!rows.back().defined()) throw Error(options.merge[i] + ": keeps no rows, expected a file made with --rows");
  }
  write_reference(options.out, moments, identity, options.rows ? torch::cat(rows) : torch::Tensor());
  std::cout << options.out << ": " << moments.count() << " images of " << options.merge.size() << " files\n";
  return 0;
}

// What bfloat16 changes in these features [N,D] of the first of the files.
void say_effect_of_rounding(const FeatureOptions& options, const std::vector<std::filesystem::path>& files,
                            const torch::Tensor& rounded) {
  FeatureOptions exact = options;
  exact.dtype = "float32";
  std::cerr << "cigli: " << to_line(effect_of_rounding(*make_extractor(exact, embedded_scorer()), files, rounded))
            << "\n";
}

}  // namespace

int run_evaluate_reference(const Arguments& arguments) {
  auto options = parse<EvaluateReferenceOptions>(arguments);
  if (options.data.empty() == options.merge.empty())
    throw UsageError("evaluate reference needs --data, or --merge in its place");
  check_output(options.out);
  if (!options.merge.empty()) return merge(options);
  set_threads(options.threads);
  choose_features(options.features, options.data, FeatureMetricOptions().convention);
  const auto extractor = make_extractor(options.features, embedded_scorer());
  const std::vector<std::filesystem::path> files = real_images(options.data, options.split);

  const InterruptGuard interrupts;
  Progress progress("features", static_cast<std::int64_t>(files.size()));
  ExtractionOptions extraction;
  extraction.batch_size = options.batch_size;
  extraction.workers = options.workers;
  extraction.on_progress = [&](std::int64_t done, std::int64_t) { progress.update(done); };
  std::optional<Moments> moments;
  std::vector<torch::Tensor> rows, first;
  std::vector<std::filesystem::path> first_files;
  const Damaged damaged = extract(
      *extractor, files,
      [&](const FeatureBatch& batch, const std::vector<std::size_t>& numbers) {
        if (InterruptGuard::requested()) throw Interrupted(options.out + ": interrupted, nothing is written");
        if (!moments) moments.emplace(batch.features.size(1));
        moments->add(batch.features);
        if (options.rows) rows.push_back(batch.features);
        if (options.features.dtype != "bfloat16" || first_files.size() >= kRoundingImages) return;
        first.push_back(batch.features);
        for (const std::size_t number : numbers) first_files.push_back(files[number]);
      },
      extraction);
  progress.finish();
  for (const auto& [number, reason] : damaged) std::cerr << "cigli: warning: " << reason << "; left out\n";
  if (!moments || moments->count() < 2) throw Error(options.data + ": fewer than two images that can be read");
  if (!first.empty()) say_effect_of_rounding(options.features, first_files, torch::cat(first));
  write_reference(options.out, *moments, extractor->identity(), options.rows ? torch::cat(rows) : torch::Tensor());
  std::cout << options.out << ": " << moments->count() << " images, " << moments->dimensions() << " features of "
            << extractor->name() << "\n";
  return damaged.empty() ? 0 : 3;
}

}  // namespace cigli
