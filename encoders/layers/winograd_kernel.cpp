#include "encoders/layers/winograd_kernel.h"

#include <cstring>

#include "encoders/layers/vector_kernel.h"

namespace cigli {
namespace {

constexpr std::int64_t kWide = 8;
typedef float Eight __attribute__((vector_size(4 * kWide)));

CIGLI_INLINE Eight eight_at(const float* from) {
  Eight values;
  std::memcpy(&values, from, sizeof values);
  return values;
}

CIGLI_INLINE void put_eight(float* to, const Eight& values) { std::memcpy(to, &values, sizeof values); }

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
  Eight sums[Rows][2] = {};
#pragma GCC unroll 8
  for (int row = 0; row < Rows && !fresh; ++row) {
    sums[row][0] = eight_at(to + row * at.rows);
    sums[row][1] = eight_at(to + row * at.rows + kWide);
  }
  for (std::int64_t i = 0; i < count; ++i) {
    const Eight first = eight_at(right + i * at.across), second = eight_at(right + i * at.across + kWide);
#pragma GCC unroll 8
    for (int row = 0; row < Rows; ++row) {
      const float value = left[row * at.stride + i * at.step];
      sums[row][0] += value * first;
      sums[row][1] += value * second;
    }
  }
#pragma GCC unroll 8
  for (int row = 0; row < Rows; ++row) {
    put_eight(to + row * at.rows, sums[row][0]);
    put_eight(to + row * at.rows + kWide, sums[row][1]);
  }
}

CIGLI_INLINE void multiply_rows(std::int64_t rows, const float* left, const float* right, std::int64_t count,
                                const ProductLayout& at, bool fresh, float* to) {
  switch (rows) {
    case 1:
      return multiply_rows<1>(left, right, count, at, fresh, to);
    case 2:
      return multiply_rows<2>(left, right, count, at, fresh, to);
    case 3:
      return multiply_rows<3>(left, right, count, at, fresh, to);
    case 4:
      return multiply_rows<4>(left, right, count, at, fresh, to);
    case 5:
      return multiply_rows<5>(left, right, count, at, fresh, to);
    default:
      return multiply_rows<6>(left, right, count, at, fresh, to);
  }
}

constexpr std::int64_t kMostRows = 6;  // with two vectors each, what sixteen registers hold

}  // namespace

// B^T d B with B^T = [1 0 -1 0; 0 1 1 0; 0 -1 1 0; 0 1 0 -1].
CIGLI_CLONES void WinogradKernel::transform_input(const float* x, std::int64_t tile, float* v,
                                                  std::int64_t stride) const {
  const std::int64_t top = 2 * (tile / tiles_across()) - 1, left = 2 * (tile % tiles_across()) - 1;
  for (std::int64_t c = 0; c < inputs; c += kWide) {
    Eight rows[4][4];  // B^T d
    for (std::int64_t j = 0; j < 4; ++j) {
      Eight d[4];
      for (std::int64_t i = 0; i < 4; ++i) {
        const std::int64_t row = top + i, column = left + j;
        const bool inside = row >= 0 && row < height && column >= 0 && column < width;
        d[i] = inside ? eight_at(x + (row * width + column) * inputs + c) : Eight{};
      }
      rows[0][j] = d[0] - d[2];
      rows[1][j] = d[1] + d[2];
      rows[2][j] = d[2] - d[1];
      rows[3][j] = d[1] - d[3];
    }
    for (std::int64_t i = 0; i < 4; ++i) {
      float* const to = v + 4 * i * stride + c;
      put_eight(to, rows[i][0] - rows[i][2]);
      put_eight(to + stride, rows[i][1] + rows[i][2]);
      put_eight(to + 2 * stride, rows[i][2] - rows[i][1]);
      put_eight(to + 3 * stride, rows[i][1] - rows[i][3]);
    }
  }
}

CIGLI_CLONES void WinogradKernel::multiply(const float* v, const float* u, std::int64_t tiles, std::int64_t panels,
                                           float* m) const {
  const std::int64_t pieces = (tiles + kMostRows - 1) / kMostRows;
  for (std::int64_t place = 0; place < places; ++place)
    for (std::int64_t p = 0; p < panels; ++p) {
      const float* const filters = u + (place * (outputs / panel) + p) * inputs * panel;
      for (std::int64_t piece = 0; piece < pieces; ++piece) {  // as even as can be
        const std::int64_t first = piece * tiles / pieces, last = (piece + 1) * tiles / pieces;
        multiply_rows(last - first, v + (place * tiles + first) * inputs, filters, inputs,
                      {inputs, 1, panel, panels * panel}, true,
                      m + (place * tiles + first) * panels * panel + p * panel);
      }
    }
}

// A^T m A with A^T = [1 1 1 0; 0 1 -1 -1].
CIGLI_CLONES void WinogradKernel::transform_output(const float* m, std::int64_t stride, std::int64_t panels,
                                                   const float* bias, std::int64_t tile, float* y) const {
  const std::int64_t row = 2 * (tile / tiles_across()), column = 2 * (tile % tiles_across());
  const bool below = row + 1 < height, beside = column + 1 < width;
  for (std::int64_t k = 0; k < panels * panel; k += kWide) {
    Eight rows[2][4];  // A^T m
    for (std::int64_t j = 0; j < 4; ++j) {
      const auto at = [&](std::int64_t i) __attribute__((always_inline)) {
        return eight_at(m + (4 * i + j) * stride + k);
      };
      const Eight second = at(1), third = at(2);
      rows[0][j] = at(0) + second + third;
      rows[1][j] = second - third - at(3);
    }
    const Eight offset = eight_at(bias + k);
    for (std::int64_t i = 0; i < (below ? 2 : 1); ++i) {
      float* const to = y + ((row + i) * width + column) * outputs + k;
      put_eight(to, rows[i][0] + rows[i][1] + rows[i][2] + offset);
      if (beside) put_eight(to + outputs, rows[i][1] - rows[i][2] - rows[i][3] + offset);
    }
  }
}

// A g A^T with A = [1 0; 1 1; 1 -1; 0 -1].
CIGLI_CLONES void WinogradKernel::transform_gradient(const float* gradient, std::int64_t tile, float* w,
                                                     std::int64_t stride) const {
  const std::int64_t row = 2 * (tile / tiles_across()), column = 2 * (tile % tiles_across());
  const bool below = row + 1 < height, beside = column + 1 < width;
  for (std::int64_t k = 0; k < outputs; k += kWide) {
    const float* const from = gradient + (row * width + column) * outputs + k;
    Eight g[2][2] = {};
    g[0][0] = eight_at(from);
    if (beside) g[0][1] = eight_at(from + outputs);
    if (below) g[1][0] = eight_at(from + width * outputs);
    if (below && beside) g[1][1] = eight_at(from + (width + 1) * outputs);
    Eight rows[4][2];  // A g
    for (std::int64_t j = 0; j < 2; ++j) {
      rows[0][j] = g[0][j];
      rows[1][j] = g[0][j] + g[1][j];
      rows[2][j] = g[0][j] - g[1][j];
      rows[3][j] = -g[1][j];
    }
    for (std::int64_t i = 0; i < 4; ++i) {
      float* const to = w + 4 * i * stride + k;
      put_eight(to, rows[i][0]);
      put_eight(to + stride, rows[i][0] + rows[i][1]);
      put_eight(to + 2 * stride, rows[i][0] - rows[i][1]);
      put_eight(to + 3 * stride, -rows[i][1]);
    }
  }
}

CIGLI_CLONES void WinogradKernel::accumulate(const float* v, const float* w, std::int64_t tiles, float* u) const {
  static_assert(panel == 16, "channels come in pieces of 6, 5 and 5");
  for (std::int64_t place = 0; place < places; ++place)
    for (std::int64_t c = 0; c < inputs; c += panel)
      for (std::int64_t k = 0; k < outputs; k += panel) {
        const float* const columns = v + place * tiles * inputs + c;
        const float* const values = w + place * tiles * outputs + k;
        float* const to = u + (place * inputs + c) * outputs + k;
        const ProductLayout at{1, inputs, outputs, outputs};
        multiply_rows<6>(columns, values, tiles, at, false, to);
        multiply_rows<5>(columns + 6, values, tiles, at, false, to + 6 * outputs);
        multiply_rows<5>(columns + 11, values, tiles, at, false, to + 11 * outputs);
      }
}

}  // namespace cigli
