#pragma once

#include <cstdint>

namespace cigli {

// The loops of Winograd's filtering over one image [H,W,C] float32 and part of its outputs, in tiles of `side` x `side`
// outputs. Compiled for AVX-512, AVX2 and plain x86-64; the processor chooses.
struct WinogradKernel {
  static constexpr std::int64_t panel = 16;  // outputs that are computed together

  std::int64_t height, width, inputs, outputs;  // both channel counts are multiples of 16
  std::int64_t side;                            // 2 or 4

  std::int64_t places() const { return (side + 2) * (side + 2); }  // of a tile's inputs
  std::int64_t tiles_across() const { return (width + side - 1) / side; }
  std::int64_t tiles() const { return tiles_across() * ((height + side - 1) / side); }

  // The filters of panel number `which`, one for each of its outputs and each input, from weights [outputs,C,3,3] of
  // any strides: to u [places][outputs / 16][C][16].
  struct Strides {
    std::int64_t output, input, row, column;
  };
  void transform_filters(const float* weights, const Strides& strides, std::int64_t which, float* u) const;
  // Tile number `tile` of x, with zeros around x, transformed: its places to v, v + stride, ..., C floats each.
  void transform_input(const float* x, std::int64_t tile, float* v, std::int64_t stride) const;
  // For each place, products of `tiles` rows of v with `panels` panels of filters: v [places][tiles][C],
  // u [places][outputs / 16][C][16] from the first panel's on, to m [places][tiles][16 panels].
  void multiply(const float* v, const float* u, std::int64_t tiles, std::int64_t panels, float* m) const;
  // The outputs of a tile, plus bias, of 16 `panels` channels from m, m + stride, ...: to y [H,W,outputs], where y
  // and bias point to the first of these channels.
  void transform_output(const float* m, std::int64_t stride, std::int64_t panels, const float* bias, std::int64_t tile,
                        float* y) const;
  // Of the gradient of a tile's outputs, zero outside of the image, that of its products: from gradient
  // [H,W,outputs] to w, w + stride, ..., `outputs` floats each.
  void transform_gradient(const float* gradient, std::int64_t tile, float* w, std::int64_t stride) const;
  // Adds v^T w to u for one place: v [tiles][C], w [tiles][outputs], u [C][outputs].
  void accumulate(const float* v, const float* w, std::int64_t tiles, float* u) const;
  // Of such sums of all places, u [places][C][outputs], the gradient of the weights of one input: to
  // [outputs][3][3][C].
  void filter_gradient(const float* u, std::int64_t input, float* weights) const;
};

}  // namespace cigli
