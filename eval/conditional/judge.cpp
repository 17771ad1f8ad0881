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

Tensor DatasetJudge::images(const std::vector<Image>& images) const {
  const Tensor keys = scorer_.keys(stacked(images, [&](const Image& i) { return scorer_.fitted_target(i); }));
  return keys.flatten(1) / std::sqrt(static_cast<double>(keys.size(1)));
}

Tensor DatasetJudge::conditions(const std::vector<std::string>& texts, const std::vector<Image>& prompts) const {
  return scorer_.queries(texts, stacked(prompts, [&](const Image& i) { return scorer_.fitted_prompt(i); })).flatten(1);
}

Tensor DatasetJudge::likeness(const std::vector<Image>& a, const std::vector<Image>& b) const {
  const auto seen = [&](const std::vector<Image>& images) {
    return normalized(scorer_.features(stacked(images, [&](const Image& i) { return scorer_.fitted_target(i); })));
  };
  return (seen(a) * seen(b)).sum(1);
}

Tensor DatasetJudge::distance(const std::vector<Image>& a, const std::vector<Image>& b) const {
  const auto maps = [&](const std::vector<Image>& images) {
    return scorer_.maps(stacked(images, [&](const Image& i) { return scorer_.fitted_target(i); }));
  };
  const std::vector<Tensor> of_a = maps(a), of_b = maps(b);
  Tensor sum = torch::zeros({static_cast<std::int64_t>(a.size())});
  for (std::size_t i = 0; i < of_a.size(); ++i)
    sum += (normalized(of_a[i]) - normalized(of_b[i])).square().sum(1).mean(at::IntArrayRef{1, 2});
  return sum;
}

const std::string& DatasetJudge::name() const {
  static const std::string name = "dataset";
  return name;
}

ClipJudge::ClipJudge(const std::filesystem::path& weights, const std::filesystem::path& merges, torch::Dtype dtype)
    : weights_(weights), clip_(weights_, clip_options_beside(weights), dtype), tokenizer_(Tokenizer::load(merges)) {
  if (tokenizer_.vocabulary() != clip_.vocabulary())
    throw Error(merges.string() + ": " + std::to_string(tokenizer_.vocabulary()) + " tokens, " + weights.string() +
                " has " + std::to_string(clip_.vocabulary()));
}

Tensor ClipJudge::images(const std::vector<Image>& images) const {
  return normalized(
      clip_.embed_images(stacked(images, [&](const Image& i) { return clip_input(i, clip_.image_size()); }))
          .to(torch::kFloat32));
}

Tensor ClipJudge::conditions(const std::vector<std::string>& texts, const std::vector<Image>&) const {
  return normalized(clip_.embed_texts(tokenize(tokenizer_, texts, clip_.context()).ids).to(torch::kFloat32));
}

Tensor ClipJudge::likeness(const std::vector<Image>& a, const std::vector<Image>& b) const {
  return (images(a) * images(b)).sum(1);
}

const std::string& ClipJudge::name() const {
  static const std::string name = "clip";
  return name;
}

}  // namespace cigli
