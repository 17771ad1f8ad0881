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

constexpr int kCacheLine = 64;  // bytes

// N packs of channels side by side.
template <class F, class T, int N>
struct Whole {
  using Pack = Packed<F, T>;
  using Floats = F;
  static constexpr int vectors = N * Pack::vectors;
  // Asks for what will be read or written there.
  CIGLI_INLINE void fetch(const T* place) const {
    for (int n = 0; n < N; n += kCacheLine / sizeof(F)) __builtin_prefetch(place + n * Pack::values);
  }
  CIGLI_INLINE void read(const T* from, F* to) const {
    for (int n = 0; n < N; ++n) Pack::read(from + n * Pack::values, to + n * Pack::vectors);
  }
  CIGLI_INLINE void write(T* to, const F* from) const {
    for (int n = 0; n < N; ++n) Pack::write(to + n * Pack::values, from + n * Pack::vectors);
  }
  // Of one number a channel.
  CIGLI_INLINE void read_each(const float* from, F* to) const {
    for (int n = 0; n < N; ++n) Pack::read_each(from + n * Pack::values, to + n * Pack::vectors);
  }
  CIGLI_INLINE void write_each(float* to, const F* from) const {
    for (int n = 0; n < N; ++n) Pack::write_each(to + n * Pack::values, from + n * Pack::vectors);
  }
};

// Channels that fill no pack.
template <class F, class T>
struct Rest {
  using Pack = Packed<F, T>;
  using Floats = F;
  static constexpr int vectors = Pack::vectors;
  explicit Rest(std::int64_t count) : count(count) {}
  CIGLI_INLINE void fetch(const T* place) const { __builtin_prefetch(place); }
  CIGLI_INLINE void read(const T* from, F* to) const { read_by<Pack::read>(from, to); }
  CIGLI_INLINE void write(T* to, const F* from) const { write_by<Pack::write>(to, from); }
  CIGLI_INLINE void read_each(const float* from, F* to) const { read_by<Pack::read_each>(from, to); }
  CIGLI_INLINE void write_each(float* to, const F* from) const { write_by<Pack::write_each>(to, from); }

 private:
  template <auto read_pack, class V>
  CIGLI_INLINE void read_by(const V* from, F* to) const {
    V values[Pack::values] = {};
    std::copy_n(from, count, values);
    read_pack(values, to);
  }
  template <auto write_pack, class V>
  CIGLI_INLINE void write_by(V* to, const F* from) const {
    V values[Pack::values];
    write_pack(values, from);
    std::copy_n(values, count, to);
  }
  std::int64_t count;
};

// Calls body(channel, its columns) from channel `first` on: for N packs side by side while there are as many, then for
// fewer, and for what is left in ever narrower vectors.
template <class F, class T, int N, class Body>
CIGLI_INLINE void for_channels(std::int64_t first, std::int64_t channels, const Body& body) {
  constexpr std::int64_t width = N * Packed<F, T>::values;
  constexpr int lanes = sizeof(F) / sizeof(float);
  for (; first + width <= channels; first += width) body(first, Whole<F, T, N>());
  if constexpr (N > 1)
    for_channels<F, T, N / 2>(first, channels, body);
  else if constexpr (lanes > 4)
    for_channels<typename Vectors<lanes / 2>::Floats, T, 1>(first, channels, body);
  else if (first < channels)
    body(first, Rest<F, T>(channels - first));
}

// A pass over the values takes tiles of so many vectors of channels and places; what it sums up, it sums up by tiles,
// as over all of an image in one go float32 would lose digits. Wide tiles are best, since memory is then read in its
// order; backward in bfloat16, where as many vectors would not stay in registers, narrow ones, and few places, so that
// what one tile leaves of a row is still near for the next.
template <class F>
struct ForwardTile {
  static constexpr int vectors = sizeof(F) > 32 ? 8 : 4, places = 256;  // AVX-512 has twice as many registers
};
template <class F, class T>
struct BackwardTile : ForwardTile<F> {};
template <class F>
struct BackwardTile<F, std::uint16_t> {
  static constexpr int vectors = ForwardTile<F>::vectors / 2, places = 16;
};

constexpr std::int64_t kAhead = 16;  // places: what is asked for from memory before it is needed

// Calls body(first place, end, channel, columns) for all tiles, one row of them after the other.
template <class F, class T, class Tile, class Body>
CIGLI_INLINE void for_tiles(std::int64_t places, std::int64_t channels, const Body& body) {
  for (std::int64_t p = 0; p < places; p += Tile::places)
    for_channels<F, T, Tile::vectors / Packed<F, T>::vectors>(
        0, channels, [&](std::int64_t c, auto at) __attribute__((always_inline)) {
          body(p, std::min(p + Tile::places, places), c, at);
        });
}

// Adds to one number a channel.
template <class At, class F>
CIGLI_INLINE void add_each(const At& at, float* to, const F* more) {
  F sum[At::vectors];
  at.read_each(to, sum);
  for (int v = 0; v < At::vectors; ++v) sum[v] += more[v];
  at.write_each(to, sum);
}

// These take a pass by value: what they write could else be part of it, which would be read again for every value.

// Per channel the first value, and the sums of add_deviation from it, which begin at 0. Arrays of piece.count.
template <class F, class T>
CIGLI_INLINE void sum_deviations(GroupNormForward<T> pass, Piece piece, float* first, float* sum, float* squares) {
  const T* const x = pass.x + piece.values;
  const std::int64_t ahead = kAhead * pass.shape.channels;
  for_tiles<F, T, ForwardTile<F>>(
      pass.shape.places,
      piece.count, [&](std::int64_t begin, std::int64_t end, std::int64_t c, auto at) __attribute__((always_inline)) {
        using V = typename decltype(at)::Floats;
        constexpr int n = decltype(at)::vectors;
        V origin[n], s[n] = {}, q[n] = {};
        at.read(x + c, origin);
        for (std::int64_t p = begin; p < end; ++p) {
          V values[n];
          const T* const place = x + p * pass.shape.channels + c;
          at.fetch(place + ahead);
          at.read(place, values);
          for (int v = 0; v < n; ++v) add_deviation(values[v], origin[v], s[v], q[v]);
        }
        at.write_each(first + c, origin);
        add_each(at, sum + c, s);
        add_each(at, squares + c, q);
      });
}

template <class F, class T>
CIGLI_INLINE void normalise(GroupNormForward<T> pass, Piece piece) {
  const std::int64_t ahead = kAhead * pass.shape.channels;
  for_tiles<F, T, ForwardTile<F>>(
      pass.shape.places,
      piece.count, [&](std::int64_t begin, std::int64_t end, std::int64_t c, auto at) __attribute__((always_inline)) {
        using V = typename decltype(at)::Floats;
        constexpr int n = decltype(at)::vectors;
        V scale[n], shift[n];
        at.read_each(pass.scale + piece.channels + c, scale);
        at.read_each(pass.shift + piece.channels + c, shift);
        for (std::int64_t p = begin; p < end; ++p) {
          const std::int64_t i = piece.values + p * pass.shape.channels + c;
          V x[n], y[n];
          at.read(pass.x + i, x);
          for (int v = 0; v < n; ++v) y[v] = normalised(x[v], scale[v], shift[v], pass.shape.relu);
          at.fetch(pass.y + i + ahead);
          at.write(pass.y + i, y);
        }
      });
}

template <class F, class T>
CIGLI_INLINE void forward_of(GroupNormForward<T> pass, Piece piece) {
  const GroupNormShape& s = pass.shape;
  std::vector<float> sums(3 * piece.count);
  float *const first = sums.data(), *const sum = first + piece.count, *const squares = sum + piece.count;
  sum_deviations<F>(pass, piece, first, sum, squares);
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
  normalise<F>(pass, piece);
}

// Per channel the sums of add_gradient.
template <class F, class T>
CIGLI_INLINE void sum_gradients(GroupNormBackward<T> pass, Piece piece) {
  const std::int64_t ahead = kAhead * pass.shape.channels;
  std::fill_n(pass.sum + piece.channels, piece.count, 0.0F);
  std::fill_n(pass.product + piece.channels, piece.count, 0.0F);
  for_tiles<F, T, BackwardTile<F, T>>(
      pass.shape.places,
      piece.count, [&](std::int64_t begin, std::int64_t end, std::int64_t c, auto at) __attribute__((always_inline)) {
        using V = typename decltype(at)::Floats;
        constexpr int n = decltype(at)::vectors;
        V scale[n], shift[n], mean[n], sum[n] = {}, product[n] = {};
        at.read_each(pass.scale + piece.channels + c, scale);
        at.read_each(pass.shift + piece.channels + c, shift);
        at.read_each(pass.mean + piece.channels + c, mean);
        for (std::int64_t p = begin; p < end; ++p) {
          const std::int64_t i = piece.values + p * pass.shape.channels + c;
          V x[n], gradient[n];
          at.fetch(pass.x + i + ahead);
          at.fetch(pass.gradient + i + ahead);
          at.read(pass.x + i, x);
          at.read(pass.gradient + i, gradient);
          for (int v = 0; v < n; ++v)
            add_gradient(gated(gradient[v], x[v], scale[v], shift[v], pass.shape.relu), x[v], mean[v], sum[v],
                         product[v]);
        }
        add_each(at, pass.sum + piece.channels + c, sum);
        add_each(at, pass.product + piece.channels + c, product);
      });
}

// `a`, `b`, `c` of input_gradient per channel.
template <class F, class T>
CIGLI_INLINE void differentiate(GroupNormBackward<T> pass, Piece piece, const float* a, const float* b,
                                const float* c) {
  const std::int64_t ahead = kAhead * pass.shape.channels;
  for_tiles<F, T, BackwardTile<F, T>>(
      pass.shape.places, piece.count,
      [&](std::int64_t begin, std::int64_t end, std::int64_t channel, auto at) __attribute__((always_inline)) {
        using V = typename decltype(at)::Floats;
        constexpr int n = decltype(at)::vectors;
        V scale[n], shift[n], gain[n], slope[n], offset[n];
        at.read_each(pass.scale + piece.channels + channel, scale);
        at.read_each(pass.shift + piece.channels + channel, shift);
        at.read_each(a + channel, gain);
        at.read_each(b + channel, slope);
        at.read_each(c + channel, offset);
        for (std::int64_t p = begin; p < end; ++p) {
          const std::int64_t i = piece.values + p * pass.shape.channels + channel;
          V x[n], gradient[n], result[n];
          at.read(pass.x + i, x);
          at.read(pass.gradient + i, gradient);
          for (int v = 0; v < n; ++v)
            result[v] = backward(gated(gradient[v], x[v], scale[v], shift[v], pass.shape.relu), x[v], gain[v], slope[v],
                                 offset[v]);
          at.fetch(pass.result + i + ahead);
          at.write(pass.result + i, result);
        }
      });
}

template <class F, class T>
CIGLI_INLINE void backward_of(GroupNormBackward<T> pass, Piece piece) {
  const GroupNormShape& s = pass.shape;
  sum_gradients<F>(pass, piece);
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
  differentiate<F>(pass, piece, a, b, c);
}

CIGLI_EACH_WIDTH(void compute(const GroupNormForward<float>& pass, const Piece& piece), forward_of, (pass, piece))
CIGLI_EACH_WIDTH(void compute(const GroupNormForward<std::uint16_t>& pass, const Piece& piece), forward_of,
                 (pass, piece))
CIGLI_EACH_WIDTH(void compute(const GroupNormBackward<float>& pass, const Piece& piece), backward_of, (pass, piece))
CIGLI_EACH_WIDTH(void compute(const GroupNormBackward<std::uint16_t>& pass, const Piece& piece), backward_of,
                 (pass, piece))

// Divides x into pieces that are whole packs but for the last, and samples only where they are fewer than the threads.
template <class Pass>
void compute_all(const Pass& pass, int threads) {
  constexpr std::int64_t worthwhile = 8192;  // values: starting a thread costs as much as some thousands take
  constexpr std::int64_t widest = Packed<Vectors<16>::Floats, std::uint16_t>::values;  // channels
  const GroupNormShape& s = pass.shape;
  const std::int64_t unit = std::lcm(s.group, widest), units = (s.channels + unit - 1) / unit;
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
