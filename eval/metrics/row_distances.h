#pragma once

#include <torch/types.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace cigli {

// Rows [n, D] in float64, as they are and moved by -centre, so that an offset they have in common costs no digits.
class CentredRows {
 public:
  CentredRows(const torch::Tensor& rows, const torch::Tensor& centre);

  std::int64_t size() const { return exact_.size(0); }
  std::int64_t dimensions() const { return exact_.size(1); }
  const double* row(std::int64_t i) const { return exact_.data_ptr<double>() + i * dimensions(); }

 private:
  friend class DistanceBlock;
  torch::Tensor exact_, centred_, squares_;
};

// ||a_i - b_j||^2, summed over the differences themselves.
double squared_distance(const CentredRows& a, std::int64_t i, const CentredRows& b, std::int64_t j);

// Squared distances of rows [from, until) of `a` to all of `b` by one matrix product: ||a||^2 + ||b||^2 - 2 a.b.
// Each is off by at most `slack`, since a product of D terms rounds by at most D half units in the last place of the
// squares that it is made of; exact neighbours are found by looking again at what comes that close.
class DistanceBlock {
 public:
  // As many rows as keep a block's distances within 128 MiB.
  static std::int64_t rows_for(std::int64_t others) { return std::clamp<std::int64_t>((1 << 24) / others, 1, 1024); }

  DistanceBlock(const CentredRows& a, std::int64_t from, std::int64_t until, const CentredRows& b);

  // Of row from + i, b.size() values.
  const double* row(std::int64_t i) const { return values_.data_ptr<double>() + i * values_.size(1); }
  double slack() const { return slack_; }

 private:
  torch::Tensor values_;
  double slack_;
};

}  // namespace cigli
