#pragma once

#include <torch/torch.h>

#include <string>

#include "fusion/pair_scorer.h"

namespace cigli::test {

inline PairScorerOptions small_scorer_options(const std::string& inputs = "both") {
  PairScorerOptions o;
  o.text.vocabulary = 514;  // no merges: a token a byte
  o.text.width = o.fusion.width = 16;
  o.text.heads = o.fusion.heads = 2;
  o.text.layers = o.fusion.layers = 1;
  o.image.widths = {16, 32};
  o.fusion.inputs = inputs;
  o.width = 8;
  return o;
}

// A scorer whose fusion counts: as made, all its residual branches and its last layer are zero. `shift` is added to
// all its weights.
inline PairScorer small_scorer(const std::string& inputs = "both", double shift = 0) {
  torch::manual_seed(5);
  PairScorer scorer(small_scorer_options(inputs), 514);
  const torch::NoGradGuard no_gradients;
  for (torch::Tensor& parameter : scorer->parameters()) parameter.add_(0.2 * torch::randn_like(parameter) + shift);
  return scorer;
}

}  // namespace cigli::test
