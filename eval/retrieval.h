#pragma once

#include <torch/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "dataset/pack.h"

namespace cigli {

struct RetrievalOptions {
  double text_weight = 1;  // of the sentences' similarity beside the prompts'
  std::int64_t side = 16;  // to which prompts are shrunk before they are compared, pixels
};

// Answers a request by nearest-neighbour retrieval: the training pair whose sentence and prompt are nearest to it. The
// similarity is text_weight cos(a, b) - mean((p - q)^2): a and b are the sentences' bags of words weighted by inverse
// document frequency (Sparck Jones 1972), p and q the prompts at `side` x `side` pixels in [-1,1].
class Retrieval {
 public:
  // Compares with these pairs of the pack, which must outlive this. At least one.
  Retrieval(const Pack& pack, std::vector<std::int64_t> rows, const RetrievalOptions& options = {});

  // For each query the row of the pack that is nearest, the first one among equals. `prompts` [B,3,H,W] in [-1,1] in
  // the pack's prompt shape, as many as `texts`.
  std::vector<std::int64_t> nearest(const std::vector<std::string>& texts, const torch::Tensor& prompts) const;

 private:
  torch::Tensor features(const std::vector<std::string>& texts, const torch::Tensor& prompts) const;

  const Pack& pack_;
  std::vector<std::int64_t> rows_;
  RetrievalOptions options_;
  std::vector<std::string> words_;  // of the sentences, sorted
  std::vector<float> rarity_;       // of each word: log(rows / rows with it)
};

}  // namespace cigli
