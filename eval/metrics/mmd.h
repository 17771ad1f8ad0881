#pragma once

#include <torch/types.h>

#include <functional>
#include <vector>

#include "eval/metrics/jackknife.h"

namespace cigli {

// Kernels of rows x [N,D] and y [M,D], both float64: [N,M].
using Kernel = std::function<torch::Tensor(const torch::Tensor& x, const torch::Tensor& y)>;
// (gamma x.y + offset)^degree; gamma 0: 1/D (Binkowski et al. 2018, section 4).
Kernel polynomial_kernel(double degree = 3, double gamma = 0, double offset = 1);
// exp(-|x - y|^2 / (2 sigma^2)) (Jayasumana et al. 2024, eq. 5).
Kernel gaussian_kernel(double sigma);

// How the squared maximum mean discrepancy is estimated (Gretton et al. 2012). Unbiased: lemma 6, eq. 3, may fall
// below 0. Biased: eq. 5, the diagonals of both sets counted. U-statistic: eq. 4, for sets of equal size, whose
// rows of one number don't count as a pair across the sets.
enum class MmdKind { unbiased, biased, u_statistic };

// Throws Error unless both sets have as many columns and at least 2 rows, and as many rows for the U-statistic.
double mmd(const torch::Tensor& x, const torch::Tensor& y, const Kernel& kernel, MmdKind kind = MmdKind::unbiased);

// The same with what leaving out tenths of either set changes; memory is that of a tenth squared. Sets of at least
// 2 * kGroups rows, as many of each where they are paired, as the U-statistic's always are.
Estimate estimate_mmd(const torch::Tensor& x, const torch::Tensor& y, const Kernel& kernel,
                      MmdKind kind = MmdKind::unbiased, bool paired = false);

// Mean and deviation (over n) of the unbiased estimates of pairs of subsets, row numbers of x and y.
struct Spread {
  double mean = 0, deviation = 0;
};
Spread mmd_of_subsets(const torch::Tensor& x, const torch::Tensor& y, const Kernel& kernel,
                      const std::vector<std::pair<torch::Tensor, torch::Tensor>>& subsets);

}  // namespace cigli
