#pragma once

#include <torch/types.h>

#include <vector>

namespace cigli {

// Scores [D,N,K] float32 are what a scorer makes of N rows in D draws of K candidates each: the row's own target stands
// first, and where a row has fewer candidates, -inf follows its last.

// What is known of a row beyond chance: the log of its own target's probability among its candidates plus the log of
// their number, in nats, at most that log (the bound of van den Oord et al. 2018, eq. 5, row by row); the mean over
// draws.
struct Evidence {
  double nats = 0;
  double first = 0;  // 1: the own target is the likeliest, 0: another is; between: they tie, or the draws differ
};

// Weights w by which several scorers' scores s of the same candidates become one opinion, p ~ exp(sum_i w_i s_i): the
// logarithmic opinion pool (Genest & Zidek 1986), here with weights of any sum; of one scorer, temperature scaling (Guo
// et al. 2017). Those that make the rows' own targets likeliest, with a Gaussian prior of deviation 1 around the
// first scorer as it stands, which keeps them finite where a scorer errs nowhere.
std::vector<double> pool_weights(const std::vector<torch::Tensor>& scores);

// Of each row, by the pool of `scores`.
std::vector<Evidence> pooled_evidence(const std::vector<torch::Tensor>& scores, const std::vector<double>& weights);

}  // namespace cigli
