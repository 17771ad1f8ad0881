#pragma once

#include <optional>
#include <vector>

#include "eval/metrics/jackknife.h"
#include "eval/metrics/moments.h"

namespace cigli {

// Squared Fréchet distance of two Gaussians (Dowson & Landau 1982, eq. 4; Heusel et al. 2017): |m1 - m2|^2 + tr S1 +
// tr S2 - 2 tr (S1 S2)^1/2. The last is the sum of the singular values of root1 root2^T, which are real and not
// negative whatever the covariances; or of the square roots of its square's eigenvalues where these are as exact.
struct FrechetTerms {
  double distance = 0;  // never below 0
  double mean = 0, trace_a = 0, trace_b = 0, trace_root = 0;
};
FrechetTerms frechet_terms(const Gaussian& a, const Gaussian& b);
inline double frechet_distance(const Gaussian& a, const Gaussian& b) { return frechet_terms(a, b).distance; }

// Of features real [N,D] and generated [M,D], with the bias that either set's size makes, estimated by leaving out
// tenths of it. Throws Error unless both have at least 2 * kGroups rows, and as many of each where they are paired.
Estimate estimate_frechet(const torch::Tensor& real, const torch::Tensor& generated, std::int64_t ddof = 1,
                          bool paired = false);

// FD at infinitely many generated rows (Chong & Forsyth 2020, section 3.2, with random subsets): the intercept of the
// least-squares line of the distance over 1/n, for each subset of `subsets`, row numbers of `generated`.
double frechet_at_infinity(const Gaussian& real, const torch::Tensor& generated,
                           const std::vector<torch::Tensor>& subsets);

}  // namespace cigli
