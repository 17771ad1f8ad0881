#include "encoders/layers/winograd_kernel.h"

#include <cstring>

#pragma GCC diagnostic ignored "-Wpsabi"  // wide vectors cross no function that is not inlined

#define CIGLI_ALWAYS [[gnu::always_inline]] inline

namespace cigli {
namespace {

constexpr std::int64_t kWide = 8;
typedef float Eight __attribute__((vector_size(4 * kWide)));

CIGLI_ALWAYS Eight eight_at(const float* from) {
  Eight values;
  std::memcpy(&values, from, sizeof values);
  return values;
}

CIGLI_ALWAYS void put_eight(float* to, const Eight& values) { std::memcpy(to, &values, sizeof values); }

// Rows of v by one panel of filters. All sums go over the channels in one order, whatever the number of rows.
template <int Rows>
CIGLI_ALWAYS void multiply_rows(const float* v, const float* u, std::int64_t channels, float* m, std::int64_t stride) {
  Eight sums[Rows][2] = {};
  for (std::int64_t c = 0; c < channels; ++c) {
    const Eight left = eight_at(u + c * WinogradKernel::panel), right = eight_at(u + c * WinogradKernel::panel + kWide);
#pragma GCC unroll 8
    for (int row = 0; row < Rows; ++row) {
      const float value = v[row * channels + c];
      sums[row][0] += value * left;
      sums[row][1] += value * right;
    }
  }
#pragma GCC unroll 8
  for (int row = 0; row < Rows; ++row) {
    put_eight(m + row * stride, sums[row][0]);
    put_eight(m + row * stride + kWide, sums[row][1]);
  }
}

CIGLI_ALWAYS void multiply_rows(std::int64_t rows, const float* v, const float* u, std::int64_t channels, float* m,
                                std::int64_t stride) {
  switch (rows) {
    case 1:
      return multiply_rows<1>(v, u, channels, m, stride);
    case 2:
      return multiply_rows<2>(v, u, channels, m, stride);
    case 3:
      return multiply_rows<3>(v, u, channels, m, stride);
    case 4:
      return multiply_rows<4>(v, u, channels, m, stride);
    case 5:
      return multiply_rows<5>(v, u, channels, m, stride);
    default:
      return multiply_rows<6>(v, u, channels, m, stride);
  }
}

// sums += columns of v, `Rows` of its channels, by 16 of w's: over tiles.
template <int Rows>
CIGLI_ALWAYS void accumulate_rows(const float* v, std::int64_t inputs, const float* w, std::int64_t outputs,
                                  std::int64_t tiles, float* u) {
  Eight sums[Rows][2];
#pragma GCC unroll 8
  for (int row = 0; row < Rows; ++row) {
    sums[row][0] = eight_at(u + row * outputs);
    sums[row][1] = eight_at(u + row * outputs + kWide);
  }
  for (std::int64_t t = 0; t < tiles; ++t) {
    const Eight left = eight_at(w + t * outputs), right = eight_at(w + t * outputs + kWide);
#pragma GCC unroll 8
    for (int row = 0; row < Rows; ++row) {
      const float value = v[t * inputs + row];
      sums[row][0] += value * left;
      sums[row][1] += value * right;
    }
  }
#pragma GCC unroll 8
  for (int row = 0; row < Rows; ++row) {
    put_eight(u + row * outputs, sums[row][0]);
    put_eight(u + row * outputs + kWide, sums[row][1]);
  }
}

constexpr std::int64_t kMostRows = 6;  // with two vectors each, what sixteen registers hold

}  // namespace

#if defined(__x86_64__)
#define CIGLI_CLONED [[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]]
#else
#define CIGLI_CLONED
#endif

// B^T d B with B^T = [1 0 -1 0; 0 1 1 0; 0 -1 1 0; 0 1 0 -1].
CIGLI_CLONED void WinogradKernel::transform_input(const float* x, std::int64_t tile, float* v,
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

CIGLI_CLONED void WinogradKernel::multiply(const float* v, const float* u, std::int64_t tiles, std::int64_t panels,
                                           float* m) const {
  const std::int64_t pieces = (tiles + kMostRows - 1) / kMostRows;
  for (std::int64_t place = 0; place < places; ++place)
    for (std::int64_t p = 0; p < panels; ++p) {
      const float* const filters = u + (place * (outputs / panel) + p) * inputs * panel;
      for (std::int64_t piece = 0; piece < pieces; ++piece) {  // as even as can be
        const std::int64_t first = piece * tiles / pieces, last = (piece + 1) * tiles / pieces;
        multiply_rows(last - first, v + (place * tiles + first) * inputs, filters, inputs,
                      m + (place * tiles + first) * panels * panel + p * panel, panels * panel);
      }
    }
}

// A^T m A with A^T = [1 1 1 0; 0 1 -1 -1].
CIGLI_CLONED void WinogradKernel::transform_output(const float* m, std::int64_t stride, std::int64_t panels,
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
CIGLI_CLONED void WinogradKernel::transform_gradient(const float* gradient, std::int64_t tile, float* w,
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

CIGLI_CLONED void WinogradKernel::accumulate(const float* v, const float* w, std::int64_t tiles, float* u) const {
  static_assert(panel == 16, "channels come in pieces of 6, 5 and 5");
  for (std::int64_t place = 0; place < places; ++place)
    for (std::int64_t c = 0; c < inputs; c += panel)
      for (std::int64_t k = 0; k < outputs; k += panel) {
        const float* const columns = v + place * tiles * inputs + c;
        const float* const values = w + place * tiles * outputs + k;
        float* const to = u + (place * inputs + c) * outputs + k;
        accumulate_rows<6>(columns, inputs, values, outputs, tiles, to);
        accumulate_rows<5>(columns + 6, inputs, values, outputs, tiles, to + 6 * outputs);
        accumulate_rows<5>(columns + 11, inputs, values, outputs, tiles, to + 11 * outputs);
      }
}

}  // namespace cigli
