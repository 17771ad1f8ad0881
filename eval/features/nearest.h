#pragma once

#include <torch/types.h>

#include <cstdint>

namespace cigli {

// Nearest rows by Euclidean distance, nearest first; among equals the smaller row number.
struct Nearest {
  torch::Tensor rows;       // [N,K] int64
  torch::Tensor distances;  // [N,K] float64
};

// Of each of `queries` [N,D] the `count` nearest of `among` [M,D], or all M where there are fewer. Exact: candidates
// come from a matrix product of centred rows in float64, their distances and order from the differences themselves.
// Memory is that of a block of 1,024 queries by M, and float64 copies of both sets. Throws c10::Error for other shapes
// and for values that are not finite, Error where `among` has no rows.
Nearest nearest_rows(const torch::Tensor& queries, const torch::Tensor& among, std::int64_t count);

// Which generated rows [N,D] are no copies of training rows [M,D]: bool [N], true where a row lies farther from its
// nearest training row than that one does from its own nearest other (Alaa et al. 2022, eq. 9). The mean is their
// authenticity, known as AuthPct. Throws as above, and Error unless there are two training rows.
torch::Tensor authentic_rows(const torch::Tensor& training, const torch::Tensor& generated);

}  // namespace cigli
