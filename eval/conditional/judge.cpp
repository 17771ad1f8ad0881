#include "eval/conditional/judge.h"

#include <cmath>

#include "eval/features/extractor.h"
#include "runtime/error.h"

namespace cigli {

using torch::Tensor;

namespace {

template <class Of>
Tensor stacked(const std::vector<Image>& images, const Of& of) {
  std::vector<Tensor> tensors;
  for (const Image& image : images) tensors.push_back(of(image));
  return torch::stack(tensors);
}

Tensor normalized(const Tensor& rows) { return rows / rows.norm(2, 1, true).clamp_min(1e-12); }

}  // namespace

Tensor perceptual_distance(const Judge::View& a, const Judge::View& b) {
  Tensor sum = torch::zeros({a.embedding.size(0)});
  for (std::size_t i = 0; i < a.maps.size(); ++i)
    sum += (normalized(a.maps[i]) - normalized(b.maps[i])).square().sum(1).mean(at::IntArrayRef{1, 2});
  return sum;
}

Judge::View DatasetJudge::look(const std::vector<Image>& images) const {
  const DatasetScorer::View seen =
      scorer_.look(stacked(images, [&](const Image& image) { return scorer_.fitted_target(image); }));
  return {seen.key.flatten(1) / std::sqrt(static_cast<double>(seen.key.size(1))), normalized(seen.features), seen.maps};
}

Tensor DatasetJudge::conditions(const std::vector<std::string>& texts, const std::vector<Image>& prompts) const {
  return scorer_.queries(texts, stacked(prompts, [&](const Image& i) { return scorer_.fitted_prompt(i); })).flatten(1);
}

const std::string& DatasetJudge::name() const {
  static const std::string name = "dataset";
  return name;
}

ClipJudge::ClipJudge(const std::filesystem::path& weights, const std::filesystem::path& merges,
                     const torch::TensorOptions& place)
    : weights_(weights), clip_(weights_, clip_options_beside(weights), place), tokenizer_(Tokenizer::load(merges)) {
  if (tokenizer_.vocabulary() != clip_.vocabulary())
    throw Error(merges.string() + ": " + std::to_string(tokenizer_.vocabulary()) + " tokens, " + weights.string() +
                " has " + std::to_string(clip_.vocabulary()));
}

Judge::View ClipJudge::look(const std::vector<Image>& images) const {
  const Tensor taken = stacked(images, [&](const Image& image) { return clip_input(image, clip_.image_size()); });
  const Tensor embedded = normalized(clip_.embed_images(taken).to(torch::kCPU, torch::kFloat32));
  return {embedded, embedded, {}};
}

Tensor ClipJudge::conditions(const std::vector<std::string>& texts, const std::vector<Image>&) const {
  return normalized(
      clip_.embed_texts(tokenize(tokenizer_, texts, clip_.context()).ids).to(torch::kCPU, torch::kFloat32));
}

const std::string& ClipJudge::name() const {
  static const std::string name = "clip";
  return name;
}

}  // namespace cigli
