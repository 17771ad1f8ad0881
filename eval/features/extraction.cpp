#include "eval/features/extraction.h"

#include <torch/torch.h>

#include <algorithm>
#include <cstdio>
#include <future>

#include "dataset/parallel.h"
#include "eval/metrics/frechet.h"
#include "runtime/device.h"
#include "runtime/error.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using torch::Tensor;

struct Prepared {
  Tensor images;  // undefined: none of the batch could be read
  std::vector<std::size_t> numbers;
  Damaged damaged;
};

Prepared prepare(const FeatureExtractor& extractor, const std::vector<fs::path>& files, std::size_t from,
                 std::size_t until, std::int64_t workers) {
  std::vector<Tensor> images(until - from);
  std::vector<std::string> faults(until - from);
  for_each_parallel(static_cast<std::int64_t>(images.size()), workers, [&](std::int64_t i) {
    const OneThread alone;
    const auto place = static_cast<std::size_t>(i);
    try {
      images[place] = extractor.prepared(read_image(files[from + place]));
    } catch (const Error& error) {
      faults[place] = error.what();
    }
  });
  Prepared batch;
  std::vector<Tensor> good;
  for (std::size_t i = 0; i < images.size(); ++i) {
    if (images[i].defined()) {
      good.push_back(images[i]);
      batch.numbers.push_back(from + i);
    } else {
      batch.damaged.emplace_back(from + i, faults[i]);
    }
  }
  if (!good.empty()) batch.images = torch::stack(good);
  return batch;
}

}  // namespace

Damaged extract(const FeatureExtractor& extractor, const std::vector<fs::path>& files,
                const std::function<void(const FeatureBatch&, const std::vector<std::size_t>&)>& take,
                const ExtractionOptions& options) {
  const auto size = static_cast<std::size_t>(options.batch_size);
  const auto ahead = [&](std::size_t from) {
    return std::async(std::launch::async, [&, from] {
      return prepare(extractor, files, from, std::min(files.size(), from + size), options.workers);
    });
  };
  Damaged damaged;
  std::future<Prepared> next = ahead(0);
  for (std::size_t from = 0; from < files.size(); from += size) {
    const Prepared batch = next.get();
    if (from + size < files.size()) next = ahead(from + size);
    damaged.insert(damaged.end(), batch.damaged.begin(), batch.damaged.end());
    if (batch.images.defined()) take(extractor(batch.images), batch.numbers);
    if (options.on_progress)
      options.on_progress(static_cast<std::int64_t>(std::min(files.size(), from + size)),
                          static_cast<std::int64_t>(files.size()));
  }
  return damaged;
}

ExtractedSet extract_all(const FeatureExtractor& extractor, const std::vector<fs::path>& files,
                         const ExtractionOptions& options) {
  ExtractedSet set;
  std::vector<Tensor> features, logits;
  set.damaged = extract(
      extractor, files,
      [&](const FeatureBatch& batch, const std::vector<std::size_t>& numbers) {
        features.push_back(batch.features);
        if (batch.logits.defined()) logits.push_back(batch.logits);
        set.numbers.insert(set.numbers.end(), numbers.begin(), numbers.end());
      },
      options);
  if (!features.empty()) set.rows.features = torch::cat(features);
  if (!logits.empty()) set.rows.logits = torch::cat(logits);
  return set;
}

RoundingEffect effect_of_rounding(const FeatureExtractor& exact, std::vector<fs::path> files, const Tensor& rounded) {
  const std::size_t count = std::min({kRoundingImages, files.size(), static_cast<std::size_t>(rounded.size(0))});
  files.resize(count);
  const ExtractedSet precise = extract_all(exact, files);
  RoundingEffect effect;
  effect.images = static_cast<std::int64_t>(precise.numbers.size());
  if (effect.images == 0) return effect;
  const std::vector<std::int64_t> numbers(precise.numbers.begin(), precise.numbers.end());
  const Tensor features = precise.rows.features, same = rounded.index_select(0, torch::tensor(numbers));
  effect.relative_error = ((same - features).norm() / features.norm()).item<double>();
  if (effect.images < 2) return effect;
  Moments of_precise(features.size(1)), of_rounded(features.size(1));
  of_precise.add(features);
  of_rounded.add(same);
  effect.distance = frechet_distance(of_precise.gaussian(), of_rounded.gaussian());
  return effect;
}

std::string to_line(const RoundingEffect& effect) {
  char text[200];
  int length =
      std::snprintf(text, sizeof text, "bfloat16: of %lld images the features differ by %.4g %% from float32's",
                    static_cast<long long>(effect.images), 100 * effect.relative_error);
  if (effect.distance)
    std::snprintf(text + length, sizeof text - static_cast<std::size_t>(length), ", a Fréchet distance of %.4g",
                  *effect.distance);
  return text;
}

}  // namespace cigli
