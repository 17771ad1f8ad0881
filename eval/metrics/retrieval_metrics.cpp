#include "eval/metrics/retrieval_metrics.h"

#include <torch/torch.h>

#include <string_view>
#include <unordered_map>

namespace cigli {

using torch::Tensor;

namespace {

constexpr double kRounding = 1e-5;  // of float32 networks, relative to the lengths of what is multiplied

Tensor unit(const Tensor& rows) {
  const Tensor exact = rows.to(torch::kFloat64);
  return exact / exact.norm(2, -1, true).clamp_min(1e-8);
}

// [M] int64: for each row the first that has the same bits.
Tensor first_of_equals(const Tensor& rows) {
  const Tensor held = rows.contiguous();
  const auto bytes = static_cast<std::size_t>(held.element_size() * held.size(1));
  const auto* const start = static_cast<const char*>(held.data_ptr());
  std::unordered_map<std::string_view, std::int64_t> seen;
  Tensor first = torch::empty({held.size(0)}, torch::kInt64);
  for (std::int64_t i = 0; i < held.size(0); ++i)
    first.data_ptr<std::int64_t>()[i] =
        seen.emplace(std::string_view(start + static_cast<std::size_t>(i) * bytes, bytes), i).first->second;
  return first;
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
  // Equal conditions share the product of the first of them: those of a matrix product need not be equal to the last
  // bit.
  const Tensor products = images.to(torch::kFloat64).matmul(conditions.to(torch::kFloat64).t());
  const Tensor of_candidates = products.gather(1, first_of_equals(conditions).index({candidates}));
  // Nor need embeddings of equal conditions be, which networks computed at other places of a batch.
  const Tensor lengths = conditions.to(torch::kFloat64).norm(2, 1).index({candidates}).amax(1, true);
  const Tensor rounding = kRounding * images.to(torch::kFloat64).norm(2, 1, true) * lengths;
  const Tensor best = (of_candidates >= of_candidates.amax(1, true) - rounding).to(torch::kFloat64);
  return best.select(1, 0) / best.sum(1);
}

}  // namespace cigli
