#include "eval/metrics/inception_score.h"

#include <torch/torch.h>

#include <cmath>

#include "runtime/error.h"

namespace cigli {

double InceptionScore::mean() const {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

double InceptionScore::deviation(std::int64_t ddof) const {
  double squares = 0;
  for (const double value : values) squares += (value - mean()) * (value - mean());
  return std::sqrt(squares / static_cast<double>(static_cast<std::int64_t>(values.size()) - ddof));
}

InceptionScore inception_score(const torch::Tensor& logits, std::int64_t splits, Splits how) {
  TORCH_CHECK(logits.dim() == 2, "an Inception Score expects logits [N,K]; got ", logits.sizes());
  const std::int64_t n = logits.size(0);
  if (splits < 1 || n < splits)
    throw Error("an Inception Score of " + std::to_string(splits) + " splits needs as many rows, got " +
                std::to_string(n));
  const torch::Tensor logs = logits.to(torch::kFloat64).log_softmax(1);
  InceptionScore score;
  for (std::int64_t i = 0; i < splits; ++i) {
    std::int64_t from = n * i / splits, until = n * (i + 1) / splits;
    if (how != Splits::even) {
      const std::int64_t size = how == Splits::ceil ? (n + splits - 1) / splits : n / splits;
      from = i * size;
      until = std::min(n, from + size);
      if (from >= until) break;
    }
    const torch::Tensor part = logs.slice(0, from, until), marginal = part.exp().mean(0).log();
    // p log p is 0 where p is.
    const torch::Tensor terms = part.exp() * (part - marginal);
    score.values.push_back(std::exp(terms.masked_fill(part.exp() == 0, 0).sum(1).mean().item<double>()));
  }
  return score;
}

}  // namespace cigli
