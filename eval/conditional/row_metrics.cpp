#include "eval/conditional/row_metrics.h"

#include <torch/torch.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <numeric>

#include "dataset/derangement.h"
#include "dataset/fit.h"
#include "dataset/parallel.h"
#include "eval/metrics/jackknife.h"
#include "eval/metrics/retrieval_metrics.h"
#include "eval/metrics/similarity.h"
#include "eval/rows.h"
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
  std::string damaged, unscored;  // "" or the reason
};

RowImages read_row(const AnsweredRows& answered, std::size_t row, const fs::path& metadata) {
  RowImages images;
  const Row& asked = answered.rows[row];
  try {
    images.generated = read_image(answered.images[row]);
  } catch (const Error& error) {
    images.damaged = error.what();
    return images;
  }
  try {
    images.prompt = read_image(metadata.parent_path() / asked.prompt_file_name);
    images.target = read_image(metadata.parent_path() / asked.target_file_name);
  } catch (const Error& error) {
    images.unscored =
        metadata.string() + ":" + std::to_string(asked.line) + ": row \"" + asked.id + "\": " + error.what();
  }
  return images;
}

RowBlock read_block(const AnsweredRows& answered, const std::vector<std::size_t>& rows, const fs::path& metadata,
                    std::int64_t workers, RowMetrics& found) {
  std::vector<RowImages> images(rows.size());
  for_each_parallel(static_cast<std::int64_t>(rows.size()), workers, [&](std::int64_t i) {
    images[static_cast<std::size_t>(i)] = read_row(answered, rows[static_cast<std::size_t>(i)], metadata);
  });
  RowBlock block;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!images[i].damaged.empty()) {
      found.damaged.push_back(images[i].damaged);
    } else if (!images[i].unscored.empty()) {
      found.unscored.push_back(images[i].unscored);
    } else {
      block.rows.push_back(rows[i]);
      block.texts.push_back(answered.rows[rows[i]].text);
      block.generated.push_back(std::move(images[i].generated));
      block.prompts.push_back(std::move(images[i].prompt));
      block.targets.push_back(std::move(images[i].target));
    }
  }
  return block;
}

template <class T>
std::vector<T> part(const std::vector<T>& all, std::size_t from) {
  return {all.begin() + static_cast<std::ptrdiff_t>(from),
          all.begin() + static_cast<std::ptrdiff_t>(std::min(all.size(), from + kBatch))};
}

Tensor permuted(const Tensor& rows, const std::vector<std::size_t>& order) {
  return rows.index_select(0, torch::tensor(std::vector<std::int64_t>(order.begin(), order.end())));
}

template <class T>
std::vector<T> permuted(const std::vector<T>& all, const std::vector<std::size_t>& order) {
  std::vector<T> result;
  for (const std::size_t i : order) result.push_back(all[i]);
  return result;
}

// Pixels in [0,1], float64 [1,3,H,W].
Tensor in_unit(const Image& image) {
  return torch::tensor(at::ArrayRef<std::uint8_t>(image.pixels))
      .to(torch::kFloat64)
      .div_(255)
      .view({1, image.height, image.width, 3})
      .permute({0, 3, 1, 2})
      .contiguous();
}

class Scoring {
 public:
  Scoring(const AnsweredRows& answered, const RowMetricsOptions& options)
      : answered_(answered), options_(options), random_(options.seed, 2), scored_(answered.rows.size()) {
    const auto expect = [&](const std::string& name) { found.values[name].assign(answered.rows.size(), kNone); };
    for (const char* name : {"psnr", "ssim"}) expect(name);
    if (options.lpips != nullptr) expect("lpips");
    if (options.dataset != nullptr) expect("perceptual_dataset");
    if (options.clip != nullptr) expect("clip_score");
    for (const Judge* judge : {static_cast<const Judge*>(options.dataset), static_cast<const Judge*>(options.clip)}) {
      if (judge == nullptr) continue;
      for (const char* metric : {"prompt_similarity_", "target_similarity_", "r_precision_", "text_faithfulness_"})
        expect(metric + judge->name());
      if (judge->sees_prompts()) expect("prompt_faithfulness_" + judge->name());
    }
  }

  void score(const RowBlock& block) {
    block_ = &block;
    for (const std::size_t row : block.rows) scored_[row] = true;
    compare_with_targets();
    std::vector<std::string> prompt_names;
    for (const std::size_t row : block.rows) prompt_names.push_back(answered_.rows[row].prompt_file_name);
    other_text_ = block.size() < 2 ? std::vector<std::size_t>{} : derangement(block.texts, options_.seed + 1);
    other_prompt_ = block.size() < 2 ? std::vector<std::size_t>{} : derangement(prompt_names, options_.seed + 2);
    draw_candidates(prompt_names);
    if (options_.dataset != nullptr) judge(*options_.dataset);
    if (options_.clip != nullptr) judge(*options_.clip);
  }

  // Values of the rows that were scored, in the dataset's order.
  RowMetrics result() && {
    for (RowValues* values : {&found.values, &found.other_text, &found.other_prompt})
      for (auto& [name, of_rows] : *values) {
        std::size_t kept = 0;
        for (std::size_t i = 0; i < of_rows.size(); ++i)
          if (scored_[i]) of_rows[kept++] = of_rows[i];
        of_rows.resize(kept);
      }
    for (std::size_t i = 0; i < scored_.size(); ++i) {
      if (!scored_[i]) continue;
      found.ids.push_back(answered_.rows[i].id);
      found.clusters.push_back(cluster_of(answered_.rows[i]));
    }
    return std::move(found);
  }

  RowMetrics found;

 private:
  void put(RowValues& values, const std::string& name, const Tensor& of_block) {
    auto& all = values.emplace(name, std::vector<double>(answered_.rows.size(), kNone)).first->second;
    const Tensor exact = of_block.to(torch::kFloat64).contiguous();
    for (std::size_t i = 0; i < block_->size(); ++i) all[block_->rows[i]] = exact.data_ptr<double>()[i];
  }

  struct Comparison {
    const char* name;
    std::function<Tensor(const Tensor&, const Tensor&)> of;
    Tensor values;
    std::vector<std::string> faults;
  };

  void compare_with_targets() {
    const auto count = static_cast<std::int64_t>(block_->size());
    std::vector<Comparison> comparisons{{"psnr", psnr, {}, {}}, {"ssim", ssim, {}, {}}};
    if (options_.lpips != nullptr) comparisons.push_back({"lpips", std::cref(*options_.lpips), {}, {}});
    for (Comparison& comparison : comparisons) {
      comparison.values = torch::full({count}, kNone, torch::kFloat64);
      comparison.faults.resize(block_->size());
    }
    for_each_parallel(count, options_.workers, [&](std::int64_t i) {
      const OneThread alone;
      const auto at = static_cast<std::size_t>(i);
      const Image& image = block_->generated[at];
      const Tensor own = in_unit(image), target = in_unit(fit(block_->targets[at], image.width, image.height));
      for (Comparison& comparison : comparisons) {
        try {
          comparison.values[i] = comparison.of(own, target)[0];
        } catch (const Error& error) {
          comparison.faults[at] = error.what();
        }
      }
    });
    for (const Comparison& comparison : comparisons) {
      put(found.values, comparison.name, comparison.values);
      for (std::size_t i = 0; i < block_->size(); ++i) {
        if (comparison.faults[i].empty()) continue;
        const std::size_t row = block_->rows[i];
        found.too_small[comparison.name].push_back(answered_.images[row].string() + ": row \"" +
                                                   answered_.rows[row].id + "\" has no " + comparison.name + ": " +
                                                   comparison.faults[i]);
      }
    }
  }

  // For each row of the block itself and `candidates` - 1 others with another sentence or prompt, drawn without
  // replacement.
  void draw_candidates(const std::vector<std::string>& prompt_names) {
    candidates_.clear();
    if (block_->size() < 2 || (options_.dataset == nullptr && options_.clip == nullptr)) return;
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
    if (count > 1) {
      const auto used = static_cast<std::int64_t>(count);
      found.candidates = found.candidates == 0 ? used : std::min(found.candidates, used);
    }
  }

  // Own condition first: that of `own`, the others those of `conditions`.
  Tensor precision(const Tensor& images, const Tensor& own, const Tensor& conditions) const {
    const auto n = static_cast<std::int64_t>(candidates_.size()), k = static_cast<std::int64_t>(candidates_[0].size());
    Tensor candidates = torch::empty({n, k}, torch::kInt64);
    for (std::int64_t i = 0; i < n; ++i) candidates[i].copy_(torch::tensor(candidates_[static_cast<std::size_t>(i)]));
    candidates.select(1, 0).add_(n);
    const Tensor all = torch::cat({conditions, own});
    const Tensor finite = all.isfinite().all(1).index_select(0, candidates.flatten()).view({n, k}).all(1);
    return r_precision(images, all, candidates)
        .masked_fill((finite & images.isfinite().all(1)).logical_not(), kNone);  // a comparison with NaN is just false
  }

  // What a judge sees in the block's images, [B,...], and how it likens them to their targets, [B].
  struct Views {
    Tensor embedding, features, of_prompts, to_targets, from_targets;
  };

  Views look(const Judge& judge) const {
    std::vector<Tensor> embedding, features, of_prompts, to_targets, from_targets;
    for (std::size_t from = 0; from < block_->size(); from += kBatch) {
      const Judge::View own = judge.look(part(block_->generated, from)),
                        target = judge.look(part(block_->targets, from));
      embedding.push_back(own.embedding);
      features.push_back(own.features);
      of_prompts.push_back(judge.look(part(block_->prompts, from)).features);
      to_targets.push_back((own.features * target.features).sum(1));
      from_targets.push_back(perceptual_distance(own, target));
    }
    return {torch::cat(embedding), torch::cat(features), torch::cat(of_prompts), torch::cat(to_targets),
            torch::cat(from_targets)};
  }

  void judge(const Judge& judge) {
    const RowBlock& block = *block_;
    const auto conditions = [&](const std::vector<std::string>& texts, const std::vector<Image>& prompts) {
      std::vector<Tensor> batches;
      for (std::size_t from = 0; from < block.size(); from += kBatch)
        batches.push_back(judge.conditions(part(texts, from), part(prompts, from)));
      return torch::cat(batches);
    };
    const Views seen = look(judge);
    put(found.values, "prompt_similarity_" + judge.name(), (seen.features * seen.of_prompts).sum(1));
    put(found.values, "target_similarity_" + judge.name(), seen.to_targets);
    if (&judge == options_.dataset) put(found.values, "perceptual_" + judge.name(), seen.from_targets);
    const Tensor& images = seen.embedding;
    const Tensor own = conditions(block.texts, block.prompts);
    const bool clip = &judge == options_.clip;
    if (clip) put(found.values, "clip_score", clip_score(images, own));

    const std::string hits = "r_precision_" + judge.name(), text = "text_faithfulness_" + judge.name(),
                      prompt = "prompt_faithfulness_" + judge.name();
    const auto size = static_cast<std::int64_t>(block.size());
    // Rows that all have one sentence and prompt are as good as one.
    const bool told_apart = !candidates_.empty() && candidates_[0].size() > 1;
    if (!told_apart) found.alone[hits] += size;
    if (block.size() < 2) {
      found.alone[text] += size;
      if (judge.sees_prompts()) found.alone[prompt] += size;
      return;
    }
    const auto better = [&](const Tensor& other) {
      const Tensor lead = (images * own).to(torch::kFloat64).sum(1) - (images * other).to(torch::kFloat64).sum(1);
      return torch::where(lead.isfinite(), (lead.sign() + 1) / 2, kNone);
    };
    if (told_apart) put(found.values, hits, precision(images, own, own));
    const Tensor with_text = conditions(permuted(block.texts, other_text_), block.prompts);
    if (told_apart) put(found.other_text, hits, precision(images, with_text, own));
    put(found.values, text, better(with_text));
    if (clip) put(found.other_text, "clip_score", clip_score(images, with_text));
    put(found.other_prompt, "prompt_similarity_" + judge.name(),
        (seen.features * permuted(seen.of_prompts, other_prompt_)).sum(1));
    if (!judge.sees_prompts()) return;
    const Tensor with_prompt = conditions(block.texts, permuted(block.prompts, other_prompt_));
    if (told_apart) put(found.other_prompt, hits, precision(images, with_prompt, own));
    put(found.values, prompt, better(with_prompt));
  }

  const AnsweredRows& answered_;
  const RowMetricsOptions& options_;
  Philox random_;
  std::vector<bool> scored_;
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
  Scoring scoring(answered, options);
  const std::int64_t blocks = (count + kBlockRows - 1) / kBlockRows;
  for (const auto& [from, until] : split_evenly(count, blocks)) {
    std::vector<std::size_t> rows;
    for (std::int64_t i = from; i < until; ++i) rows.push_back(static_cast<std::size_t>(order.at(i)));
    const RowBlock block = read_block(answered, rows, metadata_file(data), options.workers, scoring.found);
    if (block.size() > 0) scoring.score(block);
    if (options.on_progress) options.on_progress(until, count);
  }
  return std::move(scoring).result();
}

}  // namespace cigli
