#include "training/muon.h"

#include <torch/torch.h>

namespace cigli {

using torch::Tensor;

Tensor orthogonalised(const Tensor& matrix) {
  TORCH_CHECK(matrix.dim() == 2, "orthogonalised expects a matrix [m,n]; got ", matrix.sizes());
  constexpr double a = 3.4445, b = -4.7750, c = 2.0315;
  const bool tall = matrix.size(0) > matrix.size(1);
  Tensor x = tall ? matrix.t() : matrix;
  x = x / x.to(torch::kFloat32).norm().clamp_min(1e-12).to(x.scalar_type());
  for (int i = 0; i < 5; ++i) {
    const Tensor square = x.matmul(x.t());
    x = x * a + (square * b + square.matmul(square) * c).matmul(x);
  }
  return tall ? x.t() : x;
}

}  // namespace cigli
