#include "eval/retrieval.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "encoders/layers/feature_map.h"
#include "encoders/words.h"

namespace cigli {

using torch::Tensor;

namespace {

constexpr std::int64_t chunk = 4096;  // rows compared at a time

std::set<std::string> words_of(const std::string& text) {
  const std::vector<std::string> all = split_words(text);
  return {all.begin(), all.end()};
}

}  // namespace

Retrieval::Retrieval(const Pack& pack, std::vector<std::int64_t> rows, const RetrievalOptions& options)
    : pack_(pack), rows_(std::move(rows)), options_(options) {
  TORCH_CHECK(!rows_.empty(), "retrieval expects at least one row");
  std::map<std::string, std::int64_t> counts;
  for (const std::int64_t row : rows_)
    for (const std::string& word : words_of(std::string(pack_.text(row)))) ++counts[word];
  for (const auto& [word, count] : counts) {
    words_.push_back(word);
    rarity_.push_back(static_cast<float>(std::log(static_cast<double>(rows_.size()) / static_cast<double>(count))));
  }
}

// [B, words + 3 side^2] such that the similarity is the product of a query's features with a row's, less half the
// squares of the row's prompt, but for a part that all rows share.
Tensor Retrieval::features(const std::vector<std::string>& texts, const Tensor& prompts) const {
  Tensor bags = torch::zeros({static_cast<std::int64_t>(texts.size()), static_cast<std::int64_t>(words_.size())});
  auto bag = bags.accessor<float, 2>();
  for (std::size_t i = 0; i < texts.size(); ++i)
    for (const std::string& word : words_of(texts[i])) {
      const auto found = std::lower_bound(words_.begin(), words_.end(), word);
      if (found != words_.end() && *found == word)
        bag[static_cast<std::int64_t>(i)][found - words_.begin()] =
            rarity_[static_cast<std::size_t>(found - words_.begin())];
    }
  bags = bags / bags.norm(2, 1, true).clamp_min(1e-9);
  const Tensor small = resized(prompts, options_.side, options_.side).flatten(1);
  const double scale = std::sqrt(2.0 / static_cast<double>(small.size(1)));
  return torch::cat({bags * std::sqrt(options_.text_weight), small * scale}, 1);
}

std::vector<std::int64_t> Retrieval::nearest(const std::vector<std::string>& texts, const Tensor& prompts) const {
  TORCH_CHECK(prompts.dim() == 4 && prompts.size(0) == static_cast<std::int64_t>(texts.size()),
              "retrieval expects prompts [B,3,H,W] and B texts; got ", prompts.sizes(), " and ", texts.size());
  const torch::NoGradGuard no_grad;
  const auto words = static_cast<std::int64_t>(words_.size());
  const Tensor queries = features(texts, prompts);
  Tensor best = torch::full({queries.size(0)}, -1e30), place = torch::zeros({queries.size(0)}, torch::kLong);
  for (std::size_t first = 0; first < rows_.size(); first += chunk) {
    const std::vector<std::int64_t> some(
        rows_.begin() + static_cast<std::ptrdiff_t>(first),
        rows_.begin() + static_cast<std::ptrdiff_t>(std::min(first + chunk, rows_.size())));
    const Batch batch = pack_.batch(some);
    const Tensor own = features(batch.texts, batch.prompt);
    const Tensor squares = own.slice(1, words).square().sum(1) / 2;
    const auto [value, index] = (queries.matmul(own.t()) - squares).max(1);
    const Tensor better = value > best;
    best = torch::where(better, value, best);
    place = torch::where(better, index + static_cast<std::int64_t>(first), place);
  }
  std::vector<std::int64_t> result;
  for (std::int64_t i = 0; i < place.size(0); ++i)
    result.push_back(rows_[static_cast<std::size_t>(place[i].item<std::int64_t>())]);
  return result;
}

}  // namespace cigli
