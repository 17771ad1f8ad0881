#include "encoders/layers/winograd_kernel.h"

#include "encoders/layers/product_kernel.h"
#include "encoders/layers/winograd_transforms.h"

namespace cigli {
namespace {

// The values of a square of `Size` x `Size` places of [height,width,channels] at `channel`, from (top, left) on; zeros
// outside.
template <int Size>
CIGLI_INLINE void read_square(const float* from, std::int64_t height, std::int64_t width, std::int64_t channels,
                              std::int64_t top, std::int64_t left, std::int64_t channel, Floats (&to)[Size][Size]) {
#pragma GCC unroll 8
  for (std::int64_t i = 0; i < Size; ++i)
#pragma GCC unroll 8
    for (std::int64_t j = 0; j < Size; ++j) {
      const std::int64_t row = top + i, column = left + j;
      const bool inside = row >= 0 && row < height && column >= 0 && column < width;
      to[i][j] = inside ? load(from + (row * width + column) * channels + channel) : Floats{};
    }
}

template <int Size>
CIGLI_INLINE void put_places(const Floats (&values)[Size][Size], float* to, std::int64_t stride) {
#pragma GCC unroll 8
  for (std::int64_t i = 0; i < Size; ++i)
#pragma GCC unroll 8
    for (std::int64_t j = 0; j < Size; ++j) store(to + (Size * i + j) * stride, values[i][j]);
}

template <int M>
CIGLI_INLINE void input_of(const WinogradKernel& k, const float* x, std::int64_t tile, float* v, std::int64_t stride) {
  const std::int64_t top = M * (tile / k.tiles_across()) - 1, left = M * (tile % k.tiles_across()) - 1;
  for (std::int64_t c = 0; c < k.inputs; c += kLanes) {
    Floats d[M + 2][M + 2], transformed[M + 2][M + 2];
    read_square(x, k.height, k.width, k.inputs, top, left, c, d);
    along_both(
        d, transformed,
        [](const auto& from, auto& to) __attribute__((always_inline)) { WinogradTransforms<M>::input(from, to); });
    put_places(transformed, v + c, stride);
  }
}

template <int M>
CIGLI_INLINE void output_of(const WinogradKernel& k, const float* m, std::int64_t stride, std::int64_t panels,
                            const float* bias, std::int64_t tile, float* y) {
  const std::int64_t top = M * (tile / k.tiles_across()), left = M * (tile % k.tiles_across());
  for (std::int64_t c = 0; c < panels * WinogradKernel::panel; c += kLanes) {
    Floats products[M + 2][M + 2], values[M][M];
#pragma GCC unroll 36
    for (std::int64_t place = 0; place < (M + 2) * (M + 2); ++place)
      products[place / (M + 2)][place % (M + 2)] = load(m + place * stride + c);
    along_both(
        products, values,
        [](const auto& from, auto& to) __attribute__((always_inline)) { WinogradTransforms<M>::output(from, to); });
    const Floats offset = load(bias + c);
#pragma GCC unroll 8
    for (std::int64_t i = 0; i < M; ++i)
#pragma GCC unroll 8
      for (std::int64_t j = 0; j < M; ++j)
        if (top + i < k.height && left + j < k.width)
          store(y + ((top + i) * k.width + left + j) * k.outputs + c, values[i][j] + offset);
  }
}

template <int M>
CIGLI_INLINE void gradient_of(const WinogradKernel& k, const float* gradient, std::int64_t tile, float* w,
                              std::int64_t stride) {
  const std::int64_t top = M * (tile / k.tiles_across()), left = M * (tile % k.tiles_across());
  for (std::int64_t c = 0; c < k.outputs; c += kLanes) {
    Floats g[M][M], transformed[M + 2][M + 2];
    read_square(gradient, k.height, k.width, k.outputs, top, left, c, g);
    along_both(
        g, transformed, [](const auto& from, auto& to) __attribute__((always_inline)) {
          WinogradTransforms<M>::output_gradient(from, to);
        });
    put_places(transformed, w + c, stride);
  }
}

template <int M>
CIGLI_INLINE void filters_of(const WinogradKernel& k, const float* weights, const WinogradKernel::Strides& strides,
                             std::int64_t which, float* u) {
  constexpr std::int64_t panel = WinogradKernel::panel;
  for (std::int64_t c = 0; c < k.inputs; ++c)
    for (std::int64_t first = 0; first < panel; first += kLanes) {
      const float* const from = weights + (which * panel + first) * strides.output + c * strides.input;
      Floats g[3][3] = {}, transformed[M + 2][M + 2];
#pragma GCC unroll 8
      for (std::int64_t i = 0; i < 3; ++i)
#pragma GCC unroll 8
        for (std::int64_t j = 0; j < 3; ++j)
#pragma GCC unroll 8
          for (std::int64_t lane = 0; lane < kLanes; ++lane)
            g[i][j][lane] = from[lane * strides.output + i * strides.row + j * strides.column];
      along_both(
          g, transformed, [](const auto& values, auto& to) __attribute__((always_inline)) {
            WinogradTransforms<M>::filter(values, to);
          });
      put_places(transformed, u + (which * k.inputs + c) * panel + first, k.outputs * k.inputs);
    }
}

template <int M>
CIGLI_INLINE void filter_gradient_of(const WinogradKernel& k, const float* u, std::int64_t input, float* weights) {
  for (std::int64_t output = 0; output < k.outputs; output += kLanes) {
    Floats products[M + 2][M + 2], g[3][3];
#pragma GCC unroll 36
    for (std::int64_t place = 0; place < (M + 2) * (M + 2); ++place)
      products[place / (M + 2)][place % (M + 2)] = load(u + (place * k.inputs + input) * k.outputs + output);
    along_both(
        products, g, [](const auto& values, auto& to) __attribute__((always_inline)) {
          WinogradTransforms<M>::filter_gradient(values, to);
        });
#pragma GCC unroll 8
    for (std::int64_t lane = 0; lane < kLanes; ++lane)
#pragma GCC unroll 9
      for (std::int64_t i = 0; i < 9; ++i)
        weights[((output + lane) * 9 + i) * k.inputs + input] = g[i / 3][i % 3][lane];
  }
}

}  // namespace

CIGLI_CLONES void WinogradKernel::transform_filters(const float* weights, const Strides& strides, std::int64_t which,
                                                    float* u) const {
  side == 2 ? filters_of<2>(*this, weights, strides, which, u) : filters_of<4>(*this, weights, strides, which, u);
}

CIGLI_CLONES void WinogradKernel::transform_input(const float* x, std::int64_t tile, float* v,
                                                  std::int64_t stride) const {
  side == 2 ? input_of<2>(*this, x, tile, v, stride) : input_of<4>(*this, x, tile, v, stride);
}

CIGLI_CLONES void WinogradKernel::transform_output(const float* m, std::int64_t stride, std::int64_t panels,
                                                   const float* bias, std::int64_t tile, float* y) const {
  side == 2 ? output_of<2>(*this, m, stride, panels, bias, tile, y)
            : output_of<4>(*this, m, stride, panels, bias, tile, y);
}

CIGLI_CLONES void WinogradKernel::transform_gradient(const float* gradient, std::int64_t tile, float* w,
                                                     std::int64_t stride) const {
  side == 2 ? gradient_of<2>(*this, gradient, tile, w, stride) : gradient_of<4>(*this, gradient, tile, w, stride);
}

CIGLI_CLONES void WinogradKernel::multiply(const float* v, const float* u, std::int64_t tiles, std::int64_t panels,
                                           float* m) const {
  for (std::int64_t place = 0; place < places(); ++place)
    for (std::int64_t p = 0; p < panels; ++p)
      multiply_all_rows(tiles, v + place * tiles * inputs, u + (place * (outputs / panel) + p) * inputs * panel, inputs,
                        {inputs, 1, panel, panels * panel}, m + place * tiles * panels * panel + p * panel);
}

CIGLI_CLONES void WinogradKernel::accumulate(const float* v, const float* w, std::int64_t tiles, float* u) const {
  static_assert(panel == 16, "channels come in pieces of 6, 5 and 5");
  for (std::int64_t c = 0; c < inputs; c += panel)
    for (std::int64_t k = 0; k < outputs; k += panel) {
      float* const to = u + c * outputs + k;
      const ProductLayout at{1, inputs, outputs, outputs};
      multiply_rows<6>(v + c, w + k, tiles, at, false, to);
      multiply_rows<5>(v + c + 6, w + k, tiles, at, false, to + 6 * outputs);
      multiply_rows<5>(v + c + 11, w + k, tiles, at, false, to + 11 * outputs);
    }
}

CIGLI_CLONES void WinogradKernel::filter_gradient(const float* u, std::int64_t input, float* weights) const {
  side == 2 ? filter_gradient_of<2>(*this, u, input, weights) : filter_gradient_of<4>(*this, u, input, weights);
}

}  // namespace cigli
