#pragma once

#include "decoder/cuda/vector_kernel.h"

namespace cigli {

// Strides of a product, in floats.
struct ProductLayout {
  std::int64_t stride, step;  // of left, from row to row and along a sum
  std::int64_t across;        // of right, along a sum
  std::int64_t rows;          // of the sums
};

// Sums over i below `count` of left[row, i] by 16 values of right[i], added to what stands in `to` unless `fresh`. They
// go in one order, whatever the number of rows.
template <int Rows>
CIGLI_INLINE void multiply_rows(const float* left, const float* right, std::int64_t count, const ProductLayout& at,
                                bool fresh, float* to) {
  Floats sums[Rows][2] = {};
#pragma GCC unroll 8
  for (int row = 0; row < Rows && !fresh; ++row) {
    sums[row][0] = load(to + row * at.rows);
    sums[row][1] = load(to + row * at.rows + kLanes);
  }
  for (std::int64_t i = 0; i < count; ++i) {
    const Floats first = load(right + i * at.across), second = load(right + i * at.across + kLanes);
#pragma GCC unroll 8
    for (int row = 0; row < Rows; ++row) {
      const float value = left[row * at.stride + i * at.step];
      sums[row][0] += value * first;
      sums[row][1] += value * second;
    }
  }
#pragma GCC unroll 8
  for (int row = 0; row < Rows; ++row) {
    store(to + row * at.rows, sums[row][0]);
    store(to + row * at.rows + kLanes, sums[row][1]);
  }
}

constexpr std::int64_t kMostRows = 6;  // with two vectors each, what sixteen registers hold

// The same, fresh, of any number of rows, in pieces as even as can be.
CIGLI_INLINE void multiply_all_rows(std::int64_t rows, const float* left, const float* right, std::int64_t count,
                                    const ProductLayout& at, float* to) {
  const std::int64_t pieces = (rows + kMostRows - 1) / kMostRows;
  for (std::int64_t piece = 0; piece < pieces; ++piece) {
    const std::int64_t first = piece * rows / pieces, last = (piece + 1) * rows / pieces;
    const float* const from = left + first * at.stride;
    float* const sums = to + first * at.rows;
    switch (last - first) {
      case 1:
        multiply_rows<1>(from, right, count, at, true, sums);
        break;
      case 2:
        multiply_rows<2>(from, right, count, at, true, sums);
        break;
      case 3:
        multiply_rows<3>(from, right, count, at, true, sums);
        break;
      case 4:
        multiply_rows<4>(from, right, count, at, true, sums);
        break;
      case 5:
        multiply_rows<5>(from, right, count, at, true, sums);
        break;
      default:
        multiply_rows<kMostRows>(from, right, count, at, true, sums);
    }
  }
}

}  // namespace cigli
