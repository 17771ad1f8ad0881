#pragma once

#include <torch/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace cigli {

// A Gaussian by its mean [D] and a root [R,D] of its covariance root^T root, both float64.
struct Gaussian {
  torch::Tensor mean, root;
  bool triangular = false;  // whether the root is [D,D] and nothing but 0 below its diagonal
  torch::Tensor covariance() const { return root.t().matmul(root); }
};

// Of statistics as files hold them: the root by Cholesky's decomposition or, near singular ones, by eigenvalues. Throws
// Error naming `name` unless mean [D] and covariance [D,D] fit together, are finite, symmetric and, but for rounding,
// without negative eigenvalues.
Gaussian gaussian_of(const torch::Tensor& mean, const torch::Tensor& covariance, const std::string& name);

// Mean and covariance of rows that come in any number of pieces, in float64 and one pass; memory does not grow with the
// rows. What is kept of the covariance is a triangular factor of the centred rows, which loses no digits where the
// covariance, their product, is singular; pieces are joined by the update of Chan, Golub & LeVeque (1979, eq. 2.1),
// whose outer product of means is one more row of the factor.
class Moments {
 public:
  explicit Moments(std::int64_t dimensions);
  // Those of `count` rows whose covariance, over count - 1, is known. At least 2.
  Moments(std::int64_t count, const Gaussian& gaussian);
  // Rows [N,D] of any float type.
  void add(const torch::Tensor& rows);
  void merge(const Moments& other);

  std::int64_t count() const { return count_; }
  std::int64_t dimensions() const { return dimensions_; }
  // Covariance over count() - ddof. Throws Error unless count() > ddof.
  Gaussian gaussian(std::int64_t ddof = 1) const;

 private:
  void append(const torch::Tensor& rows);  // to the factor
  void compress();

  std::int64_t dimensions_, count_ = 0, waiting_ = 0;
  torch::Tensor mean_;                 // [D]
  std::vector<torch::Tensor> factor_;  // [.,D] each: stacked, the centred rows' root
};

}  // namespace cigli
