#include "eval/metrics/retrieval_metrics.h"

#include <torch/torch.h>

#include <algorithm>

namespace cigli {

using torch::Tensor;

namespace {

Tensor unit(const Tensor& rows) {
  const Tensor exact = rows.to(torch::kFloat64);
  return exact / exact.norm(2, -1, true).clamp_min(1e-8);
}

// At least 0.
Tensor cosine(const Tensor& a, const Tensor& b) { return (unit(a) * unit(b)).sum(-1).clamp_min(0); }

}  // namespace

Tensor clip_score(const Tensor& images, const Tensor& texts) {
  TORCH_CHECK(images.dim() == 2 && images.sizes() == texts.sizes(), "CLIPScore of ", images.sizes(), " and ",
              texts.sizes());
  constexpr double weight = 2.5;
  return weight * cosine(images, texts);
}

Tensor reference_clip_score(const Tensor& images, const Tensor& texts, const Tensor& references) {
  TORCH_CHECK(references.dim() == 3 && references.size(0) == texts.size(0) && references.size(2) == texts.size(1),
              "RefCLIPScore's references ", references.sizes(), " of texts ", texts.sizes());
  const Tensor score = clip_score(images, texts), likeness = cosine(texts.unsqueeze(1), references).amax(1);
  return torch::where(likeness * score > 0, 2 * score * likeness / (score + likeness).clamp_min(1e-300), 0.0);
}

Tensor r_precision(const Tensor& images, const Tensor& conditions, const Tensor& candidates) {
  TORCH_CHECK(images.dim() == 2 && candidates.dim() == 2 && candidates.size(0) == images.size(0) &&
                  conditions.dim() == 2 && conditions.size(1) == images.size(1),
              "R-precision of images ", images.sizes(), " and conditions ", conditions.sizes(), " among ",
              candidates.sizes());
  const std::int64_t count = candidates.size(1);
  Tensor hits = torch::zeros({images.size(0)}, torch::kFloat64);
  for (std::int64_t i = 0; i < images.size(0); ++i) {
    // Summed row by row, equal conditions give equal products to the last bit; a matrix product need not.
    const Tensor products = (conditions.index_select(0, candidates[i]) * images[i]).to(torch::kFloat64).sum(1);
    const double* const product = products.data_ptr<double>();
    const double highest = *std::max_element(product, product + count);
    if (product[0] == highest) hits[i] = 1.0 / static_cast<double>(std::count(product, product + count, highest));
  }
  return hits;
}

}  // namespace cigli
