#pragma once

#include <torch/types.h>

#include <vector>

namespace cigli {

// How rows are dealt into splits: n i / splits to n (i + 1) / splits; pieces of ceil(n / splits) rows, of which the
// last is smaller; pieces of floor(n / splits), the rest left out.
enum class Splits { even, ceil, floor };

// Inception Score (Salimans et al. 2016, section 4; Barratt & Sharma 2018, section 2): exp of the mean divergence of
// each row's class probabilities from their mean, split by split, from logits [N,K], in float64.
struct InceptionScore {
  std::vector<double> values;  // of each split
  double mean() const;
  double deviation(std::int64_t ddof = 0) const;
};
InceptionScore inception_score(const torch::Tensor& logits, std::int64_t splits = 10, Splits how = Splits::even);

}  // namespace cigli
