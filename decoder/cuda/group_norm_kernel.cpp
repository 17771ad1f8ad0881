#include "decoder/cuda/group_norm_kernel.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "decoder/cuda/arithmetic.h"
#include "decoder/cuda/vector_kernel.h"

namespace cigli {
namespace {

// Whole groups of one sample, and where their values and what is given a sample and channel begin.
struct Piece {
  Piece(const GroupNormShape& s, std::int64_t sample, std::int64_t first, std::int64_t count)
      : sample(sample),
        first(first),
        count(count),
        values(sample * s.places * s.channels + first),
        channels(sample * s.channels + first) {}
  std::int64_t sample, first, count;
  std::int64_t values, channels;
};

// N whole vectors of channels.
template <int N>
struct Whole {
  static constexpr int vectors = N;
  template <class T>
  CIGLI_INLINE static Floats read(const T* from) {
    return load(from);
  }
  template <class T>
  CIGLI_INLINE static void write(T* to, const Floats& values) {
    store(to, values);
  }
};

// The channels that fill no vector.
struct Rest {
  static constexpr int vectors = 1;
  template <class T>
  CIGLI_INLINE Floats read(const T* from) const {
    return load_first(from, count);
  }
  template <class T>
  CIGLI_INLINE void write(T* to, const Floats& values) const {
    store_first(to, values, count);
  }
  std::int64_t count;
};

// Calls body(channel, its vectors) for all of them.
template <class Body>
CIGLI_INLINE void for_channels(std::int64_t channels, const Body& body) {
  std::int64_t c = 0;
  for (; c + 4 * kLanes <= channels; c += 4 * kLanes) body(c, Whole<4>());
  for (; c + kLanes <= channels; c += kLanes) body(c, Whole<1>());
  if (c < channels) body(c, Rest{channels - c});
}

// Sums are totals of sums over as many places: over all of an image in one go float32 would lose digits.
constexpr std::int64_t kSummed = 256;

template <int N>
CIGLI_INLINE void add_all(const Floats (&sums)[N], Floats (&totals)[N]) {
  for (int v = 0; v < N; ++v) totals[v] += sums[v];
}

// These take a pass by value: what they write could else be part of it, which would be read again for every value.

// Per channel, into arrays of piece.count: the first value, and the sums of add_deviation from it.
template <class T>
CIGLI_INLINE void sum_deviations(GroupNormForward<T> pass, Piece piece, float* first, float* sum, float* squares) {
  const T* const x = pass.x + piece.values;
  for_channels(
      piece.count, [&](std::int64_t c, auto at) __attribute__((always_inline)) {
        constexpr int n = decltype(at)::vectors;
        Floats origin[n], s[n] = {}, q[n] = {};
        for (int v = 0; v < n; ++v) origin[v] = at.read(x + c + v * kLanes);
        for (std::int64_t p = 0; p < pass.shape.places;) {
          Floats some[n] = {}, squared[n] = {};
          for (const std::int64_t end = std::min(p + kSummed, pass.shape.places); p < end; ++p)
            for (int v = 0; v < n; ++v)
              add_deviation(at.read(x + p * pass.shape.channels + c + v * kLanes), origin[v], some[v], squared[v]);
          add_all(some, s);
          add_all(squared, q);
        }
        for (int v = 0; v < n; ++v) {
          at.write(first + c + v * kLanes, origin[v]);
          at.write(sum + c + v * kLanes, s[v]);
          at.write(squares + c + v * kLanes, q[v]);
        }
      });
}

template <class T>
CIGLI_INLINE void normalise(GroupNormForward<T> pass, Piece piece) {
  const float *scale = pass.scale + piece.channels, *shift = pass.shift + piece.channels;
  for_channels(
      piece.count, [&](std::int64_t c, auto at) __attribute__((always_inline)) {
        constexpr int n = decltype(at)::vectors;
        Floats a[n], d[n];
        for (int v = 0; v < n; ++v) a[v] = at.read(scale + c + v * kLanes), d[v] = at.read(shift + c + v * kLanes);
        for (std::int64_t p = 0; p < pass.shape.places; ++p)
          for (int v = 0; v < n; ++v) {
            const std::int64_t i = piece.values + p * pass.shape.channels + c + v * kLanes;
            at.write(pass.y + i, normalised(at.read(pass.x + i), a[v], d[v], pass.shape.relu));
          }
      });
}

template <class T>
CIGLI_INLINE void forward_of(GroupNormForward<T> pass, Piece piece) {
  const GroupNormShape& s = pass.shape;
  std::vector<float> sums(3 * piece.count);
  float *const first = sums.data(), *const sum = first + piece.count, *const squares = sum + piece.count;
  sum_deviations(pass, piece, first, sum, squares);
  const float* film = pass.modulation ? pass.modulation + piece.sample * 2 * s.channels : nullptr;
  for (std::int64_t g = 0; g < piece.count; g += s.group) {
    const GroupMoments moments = group_moments(first + g, sum + g, squares + g, s.group, s.places);
    for (std::int64_t c = g; c < g + s.group; ++c) {
      const std::int64_t channel = piece.first + c, at = piece.channels + c;
      const ScaleShift y = scale_shift(moments, pass.weight[channel], pass.bias[channel], film, s.channels, channel);
      pass.scale[at] = y.scale;
      pass.shift[at] = y.shift;
      pass.mean[at] = static_cast<float>(moments.mean);
      pass.inverse[at] = static_cast<float>(moments.inverse);
    }
  }
  normalise(pass, piece);
}

// Per channel the sums of add_gradient.
template <class T>
CIGLI_INLINE void sum_gradients(GroupNormBackward<T> pass, Piece piece) {
  const GroupNormShape& s = pass.shape;
  for_channels(
      piece.count, [&](std::int64_t c, auto at) __attribute__((always_inline)) {
        constexpr int n = decltype(at)::vectors;
        Floats sum[n] = {}, product[n] = {};
        for (std::int64_t p = 0; p < s.places;) {
          Floats some[n] = {}, multiplied[n] = {};
          for (const std::int64_t end = std::min(p + kSummed, s.places); p < end; ++p)
            for (int v = 0; v < n; ++v) {
              const std::int64_t channel = piece.channels + c + v * kLanes;
              const std::int64_t i = piece.values + p * s.channels + c + v * kLanes;
              const Floats x = at.read(pass.x + i);
              const Floats g = gated(at.read(pass.gradient + i), x, at.read(pass.scale + channel),
                                     at.read(pass.shift + channel), s.relu);
              add_gradient(g, x, at.read(pass.mean + channel), some[v], multiplied[v]);
            }
          add_all(some, sum);
          add_all(multiplied, product);
        }
        for (int v = 0; v < n; ++v) {
          at.write(pass.sum + piece.channels + c + v * kLanes, sum[v]);
          at.write(pass.product + piece.channels + c + v * kLanes, product[v]);
        }
      });
}

// `a`, `b`, `c` of input_gradient per channel.
template <class T>
CIGLI_INLINE void differentiate(GroupNormBackward<T> pass, Piece piece, const float* a, const float* b,
                                const float* c) {
  const GroupNormShape& s = pass.shape;
  const float *scale = pass.scale + piece.channels, *shift = pass.shift + piece.channels;
  const auto column = [&](std::int64_t channel, std::int64_t i, auto at) __attribute__((always_inline)) {
    const Floats x = at.read(pass.x + i);
    const Floats g = gated(at.read(pass.gradient + i), x, at.read(scale + channel), at.read(shift + channel), s.relu);
    at.write(pass.result + i, backward(g, x, at.read(a + channel), at.read(b + channel), at.read(c + channel)));
  };
  const std::int64_t whole = piece.count / kLanes * kLanes;
  for (std::int64_t p = 0; p < s.places; ++p) {
    const std::int64_t row = piece.values + p * s.channels;
    for (std::int64_t channel = 0; channel < whole; channel += kLanes) column(channel, row + channel, Whole<1>());
    if (whole < piece.count) column(whole, row + whole, Rest{piece.count - whole});
  }
}

template <class T>
CIGLI_INLINE void backward_of(GroupNormBackward<T> pass, Piece piece) {
  const GroupNormShape& s = pass.shape;
  sum_gradients(pass, piece);
  std::vector<float> factors(3 * piece.count);
  float *const a = factors.data(), *const b = a + piece.count, *const c = b + piece.count;
  float *const sum = pass.sum + piece.channels, *const product = pass.product + piece.channels;
  const float* film = pass.modulation ? pass.modulation + piece.sample * 2 * s.channels : nullptr;
  for (std::int64_t g = 0; g < piece.count; g += s.group) {
    const float inverse = pass.inverse[piece.channels + g], mean = pass.mean[piece.channels + g];
    for (std::int64_t i = g; i < g + s.group; ++i) {
      product[i] *= inverse;
      a[i] = modulated_weight(pass.weight[piece.first + i], film, piece.first + i);
    }
    const GradientMeans means = gradient_means(a + g, sum + g, product + g, s.group, s.places);
    for (std::int64_t i = g; i < g + s.group; ++i) {
      const InputGradient each = input_gradient(means, a[i], mean, inverse);
      a[i] = each.a;
      b[i] = each.b;
      c[i] = each.c;
    }
  }
  differentiate(pass, piece, a, b, c);
}

CIGLI_CLONES void compute(const GroupNormForward<float>& pass, const Piece& piece) { forward_of(pass, piece); }
CIGLI_CLONES void compute(const GroupNormForward<std::uint16_t>& pass, const Piece& piece) { forward_of(pass, piece); }
CIGLI_CLONES void compute(const GroupNormBackward<float>& pass, const Piece& piece) { backward_of(pass, piece); }
CIGLI_CLONES void compute(const GroupNormBackward<std::uint16_t>& pass, const Piece& piece) {
  backward_of(pass, piece);
}

// Divides x into pieces that are whole vectors but for the last, and samples only where they are fewer than the
// threads.
template <class Pass>
void compute_all(const Pass& pass, int threads) {
  constexpr std::int64_t worthwhile = 8192;  // values: starting a thread costs as much as some thousands take
  const GroupNormShape& s = pass.shape;
  const std::int64_t unit = std::lcm(s.group, 2 * kLanes), units = (s.channels + unit - 1) / unit;
  const std::int64_t used = std::min<std::int64_t>(threads, s.batch * s.places * s.channels / worthwhile);
  const std::int64_t wanted = std::clamp((used + s.batch - 1) / s.batch, std::int64_t{1}, units);
  const std::int64_t count = (units + wanted - 1) / wanted * unit, pieces = (s.channels + count - 1) / count;
#pragma omp parallel for num_threads(threads) if (threads > 1 && s.batch * pieces > 1)
  for (std::int64_t i = 0; i < s.batch * pieces; ++i) {
    const std::int64_t first = i % pieces * count;
    compute(pass, Piece(s, i / pieces, first, std::min(count, s.channels - first)));
  }
}

}  // namespace

template <class T>
void group_norm(const GroupNormForward<T>& pass, int threads) {
  compute_all(pass, threads);
}

template <class T>
void group_norm(const GroupNormBackward<T>& pass, int threads) {
  compute_all(pass, threads);
}

template void group_norm(const GroupNormForward<float>&, int);
template void group_norm(const GroupNormForward<std::uint16_t>&, int);
template void group_norm(const GroupNormBackward<float>&, int);
template void group_norm(const GroupNormBackward<std::uint16_t>&, int);

}  // namespace cigli
