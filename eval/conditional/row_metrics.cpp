#include "eval/conditional/row_metrics.h"

#include <torch/torch.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "dataset/derangement.h"
#include "dataset/fit.h"
#include "dataset/parallel.h"
#include "dataset/tensor_image.h"
#include "eval/metrics/jackknife.h"
#include "eval/metrics/retrieval_metrics.h"
#include "eval/metrics/similarity.h"
#include "runtime/device.h"
#include "runtime/error.h"
#include "runtime/philox.h"
#include "training/data_order.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using torch::Tensor;

constexpr std::int64_t kBlockRows = 256;
constexpr std::size_t kBatch = 32;
constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// Rows whose images could be read.
struct RowBlock {
  std::vector<std::size_t> rows;  // places in the answered rows
  std::vector<std::string> texts;
  std::vector<Image> generated, prompts, targets;
  std::size_t size() const { return rows.size(); }
};

struct RowImages {
  Image generated, prompt, target;
  std::string fault;
};

RowImages read_row(const AnsweredRows& answered, std::size_t row, const fs::path& folder) {
  RowImages images;
  try {
    images.generated = read_image(answered.images[row]);
    if (std::min(images.generated.width, images.generated.height) < kLeastSide)
      throw Error(answered.images[row].string() + ": " + std::to_string(images.generated.width) + "x" +
                  std::to_string(images.generated.height) + " pixels, ssim needs a side of " +
                  std::to_string(kLeastSide));
    images.prompt = read_image(folder / answered.rows[row].prompt_file_name);
    images.target = read_image(folder / answered.rows[row].target_file_name);
  } catch (const Error& error) {
    images.fault = error.what();
  }
  return images;
}

RowBlock read_block(const AnsweredRows& answered, const std::vector<std::size_t>& rows, const fs::path& folder,
                    std::int64_t workers, std::vector<std::string>& damaged) {
  std::vector<RowImages> images(rows.size());
  for_each_parallel(static_cast<std::int64_t>(rows.size()), workers, [&](std::int64_t i) {
    images[static_cast<std::size_t>(i)] = read_row(answered, rows[static_cast<std::size_t>(i)], folder);
  });
  RowBlock block;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!images[i].fault.empty()) {
      damaged.push_back(images[i].fault);
      continue;
    }
    block.rows.push_back(rows[i]);
    block.texts.push_back(answered.rows[rows[i]].text);
    block.generated.push_back(std::move(images[i].generated));
    block.prompts.push_back(std::move(images[i].prompt));
    block.targets.push_back(std::move(images[i].target));
  }
  return block;
}

template <class T>
std::vector<T> part(const std::vector<T>& all, std::size_t from) {
  return {all.begin() + static_cast<std::ptrdiff_t>(from),
          all.begin() + static_cast<std::ptrdiff_t>(std::min(all.size(), from + kBatch))};
}

template <class T>
std::vector<T> permuted(const std::vector<T>& all, const std::vector<std::size_t>& order) {
  std::vector<T> result;
  for (const std::size_t i : order) result.push_back(all[i]);
  return result;
}

// `of(from)` of each batch of the block's rows, joined.
template <class Of>
Tensor in_batches(std::size_t count, const Of& of) {
  std::vector<Tensor> batches;
  for (std::size_t from = 0; from < count; from += kBatch) batches.push_back(of(from));
  return torch::cat(batches);
}

class Scoring {
 public:
  Scoring(const AnsweredRows& answered, const RowMetricsOptions& options)
      : answered_(answered), options_(options), random_(options.seed, 2) {}

  void score(const RowBlock& block) {
    block_ = &block;
    compare_with_targets();
    std::vector<std::string> prompt_names;
    for (const std::size_t row : block.rows) prompt_names.push_back(answered_.rows[row].prompt_file_name);
    other_text_ = block.size() < 2 ? std::vector<std::size_t>{} : derangement(block.texts, options_.seed + 1);
    other_prompt_ = block.size() < 2 ? std::vector<std::size_t>{} : derangement(prompt_names, options_.seed + 2);
    draw_candidates(prompt_names);
    if (options_.dataset != nullptr) judge(*options_.dataset);
    if (options_.clip != nullptr) judge(*options_.clip);
    if (options_.dataset != nullptr)
      put(found.values, "perceptual_dataset", in_batches(block.size(), [&](std::size_t from) {
            return options_.dataset->distance(part(block.generated, from), part(block.targets, from));
          }));
  }

  RowMetrics found;

 private:
  void put(RowValues& values, const std::string& name, const Tensor& of_block) {
    auto& all = values.emplace(name, std::vector<double>(answered_.rows.size(), kNone)).first->second;
    const Tensor exact = of_block.to(torch::kFloat64).contiguous();
    for (std::size_t i = 0; i < block_->size(); ++i) all[block_->rows[i]] = exact.data_ptr<double>()[i];
  }

  void compare_with_targets() {
    const auto count = static_cast<std::int64_t>(block_->size());
    const Tensor of_psnr = torch::zeros({count}, torch::kFloat64), of_ssim = of_psnr.clone(),
                 of_lpips = of_psnr.clone();
    for_each_parallel(count, options_.workers, [&](std::int64_t i) {
      const OneThread alone;
      const Image& image = block_->generated[static_cast<std::size_t>(i)];
      const Image target = fit(block_->targets[static_cast<std::size_t>(i)], image.width, image.height);
      const auto in_unit = [](const Image& x) { return ((to_tensor(x) + 1) / 2).unsqueeze(0); };
      of_psnr[i] = psnr(in_unit(image), in_unit(target))[0];
      of_ssim[i] = ssim(in_unit(image), in_unit(target))[0];
      if (options_.lpips != nullptr) of_lpips[i] = (*options_.lpips)(in_unit(image), in_unit(target))[0];
    });
    put(found.values, "psnr", of_psnr);
    put(found.values, "ssim", of_ssim);
    if (options_.lpips != nullptr) put(found.values, "lpips", of_lpips);
  }

  // For each row of the block itself and `candidates` - 1 others with another sentence or prompt, drawn without
  // replacement.
  void draw_candidates(const std::vector<std::string>& prompt_names) {
    candidates_.clear();
    if (block_->size() < 2) return;
    std::size_t fewest = block_->size();
    for (std::size_t i = 0; i < block_->size(); ++i) {
      std::vector<std::int64_t> drawn;
      for (std::size_t j = 0; j < block_->size(); ++j)
        if (block_->texts[j] != block_->texts[i] || prompt_names[j] != prompt_names[i])
          drawn.push_back(static_cast<std::int64_t>(j));
      for (std::size_t j = 0; j + 1 < drawn.size(); ++j)
        std::swap(drawn[j], drawn[j + random_.below(drawn.size() - j)]);
      drawn.insert(drawn.begin(), static_cast<std::int64_t>(i));
      fewest = std::min(fewest, drawn.size());
      candidates_.push_back(drawn);
    }
    const auto count = std::min(fewest, static_cast<std::size_t>(options_.candidates));
    for (auto& of_row : candidates_) of_row.resize(count);
  }

  // Own condition first: that of `own`, the others those of `conditions`.
  Tensor precision(const Tensor& images, const Tensor& own, const Tensor& conditions) const {
    const auto n = static_cast<std::int64_t>(candidates_.size()), k = static_cast<std::int64_t>(candidates_[0].size());
    Tensor candidates = torch::empty({n, k}, torch::kInt64);
    for (std::int64_t i = 0; i < n; ++i) candidates[i].copy_(torch::tensor(candidates_[static_cast<std::size_t>(i)]));
    candidates.select(1, 0).add_(n);
    return r_precision(images, torch::cat({conditions, own}), candidates);
  }

  void judge(const Judge& judge) {
    const RowBlock& block = *block_;
    const auto conditions = [&](const std::vector<std::string>& texts, const std::vector<Image>& prompts) {
      return in_batches(block.size(),
                        [&](std::size_t from) { return judge.conditions(part(texts, from), part(prompts, from)); });
    };
    const auto likeness = [&](const std::vector<Image>& to) {
      return in_batches(block.size(),
                        [&](std::size_t from) { return judge.likeness(part(block.generated, from), part(to, from)); });
    };
    put(found.values, "prompt_similarity_" + judge.name(), likeness(block.prompts));
    put(found.values, "target_similarity_" + judge.name(), likeness(block.targets));
    const Tensor images =
        in_batches(block.size(), [&](std::size_t from) { return judge.images(part(block.generated, from)); });
    const Tensor own = conditions(block.texts, block.prompts);
    const bool clip = &judge == options_.clip;
    if (clip) put(found.values, "clip_score", clip_score(images, own));
    if (block.size() < 2) return;

    const std::string hits = "r_precision_" + judge.name();
    const auto better = [&](const Tensor& other) {
      const Tensor lead = (images * own).to(torch::kFloat64).sum(1) - (images * other).to(torch::kFloat64).sum(1);
      return (lead.sign() + 1) / 2;
    };
    put(found.values, hits, precision(images, own, own));
    const Tensor with_text = conditions(permuted(block.texts, other_text_), block.prompts);
    put(found.other_text, hits, precision(images, with_text, own));
    put(found.values, "text_faithfulness_" + judge.name(), better(with_text));
    if (clip) put(found.other_text, "clip_score", clip_score(images, with_text));
    put(found.other_prompt, "prompt_similarity_" + judge.name(), likeness(permuted(block.prompts, other_prompt_)));
    if (!judge.sees_prompts()) return;
    const Tensor with_prompt = conditions(block.texts, permuted(block.prompts, other_prompt_));
    put(found.other_prompt, hits, precision(images, with_prompt, own));
    put(found.values, "prompt_faithfulness_" + judge.name(), better(with_prompt));
  }

  const AnsweredRows& answered_;
  const RowMetricsOptions& options_;
  Philox random_;
  const RowBlock* block_ = nullptr;
  std::vector<std::size_t> other_text_, other_prompt_;
  std::vector<std::vector<std::int64_t>> candidates_;
};

}  // namespace

RowMetrics row_metrics(const AnsweredRows& answered, const fs::path& data, const RowMetricsOptions& options) {
  const auto count = static_cast<std::int64_t>(answered.rows.size());
  std::vector<std::int64_t> all(answered.rows.size());
  std::iota(all.begin(), all.end(), 0);
  DataOrder order(all, options.seed);
  const fs::path folder = metadata_file(data).parent_path();
  Scoring scoring(answered, options);
  const std::int64_t blocks = (count + kBlockRows - 1) / kBlockRows;
  for (const auto& [from, until] : split_evenly(count, blocks)) {
    std::vector<std::size_t> rows;
    for (std::int64_t i = from; i < until; ++i) rows.push_back(static_cast<std::size_t>(order.at(i)));
    const RowBlock block = read_block(answered, rows, folder, options.workers, scoring.found.damaged);
    if (block.size() > 0) scoring.score(block);
    if (options.on_progress) options.on_progress(until, count);
  }
  if (scoring.found.values.empty())
    throw Error(answered.images.front().string() + ": no row's images can be read: " + scoring.found.damaged.front());

  // Rows that were not scored go.
  RowMetrics& found = scoring.found;
  const std::vector<double> scored = found.values.begin()->second;
  for (RowValues* values : {&found.values, &found.other_text, &found.other_prompt})
    for (auto& [name, of_rows] : *values) {
      std::size_t kept = 0;
      for (std::size_t i = 0; i < of_rows.size(); ++i)
        if (!std::isnan(scored[i])) of_rows[kept++] = of_rows[i];
      of_rows.resize(kept);
    }
  for (std::size_t i = 0; i < scored.size(); ++i)
    if (!std::isnan(scored[i])) found.ids.push_back(answered.rows[i].id);
  return found;
}

}  // namespace cigli
