#pragma once

#include <cstdint>

namespace cigli {

// The loops of Winograd's filtering over one image [H,W,C] float32 and part of its outputs. Compiled for AVX-512, AVX2
// and plain x86-64; the processor chooses.
struct WinogradKernel {
  static constexpr std::int64_t places = 16;  // of a 4x4 tile
  static constexpr std::int64_t panel = 16;   // outputs that are computed together

  std::int64_t height, width, inputs, outputs;  // both channel counts are multiples of 16

  std::int64_t tiles_across() const { return (width + 1) / 2; }
  std::int64_t tiles_down() const { return (height + 1) / 2; }

  // Tile number `tile` of x, with zeros around x, transformed: its 16 places to v, v + stride, ..., C floats each.
  void transform_input(const float* x, std::int64_t tile, float* v, std::int64_t stride) const;
  // For each place, products of `tiles` rows of v with `panels` panels of filters: v [16][tiles][C],
  // u [16][outputs / 16][C][16] from the first panel's on, to m [16][tiles][16 panels].
  void multiply(const float* v, const float* u, std::int64_t tiles, std::int64_t panels, float* m) const;
  // The 2x2 outputs of a tile, plus bias, of 16 `panels` channels from m, m + stride, ...: to y [H,W,outputs], where y
  // and bias point to the first of these channels.
  void transform_output(const float* m, std::int64_t stride, std::int64_t panels, const float* bias, std::int64_t tile,
                        float* y) const;
  // Of the gradient of a tile's outputs, zero outside of the image, that of its 16 products: from gradient
  // [H,W,outputs] to w, w + stride, ..., `outputs` floats each.
  void transform_gradient(const float* gradient, std::int64_t tile, float* w, std::int64_t stride) const;
  // Adds v^T w to u for each place: v [16][tiles][C], w [16][tiles][outputs], u [16][C][outputs].
  void accumulate(const float* v, const float* w, std::int64_t tiles, float* u) const;
};

}  // namespace cigli
