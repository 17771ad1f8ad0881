#pragma once

#include <torch/types.h>

namespace cigli {

// The nearest semi-orthogonal matrix to `matrix` [m,n], approximately: singular values above a hundredth of its
// Frobenius norm come to lie in about 0.7 .. 1.2 (five quintic Newton-Schulz iterations, the coefficients of Jordan et
// al. 2024, "Muon"), smaller ones below that. Computed in the matrix's type, float32 or bfloat16. A zero matrix stays
// zero.
torch::Tensor orthogonalised(const torch::Tensor& matrix);

}  // namespace cigli
