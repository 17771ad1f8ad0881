#pragma once

#include <cstdint>
#include <cstring>

// For loops that are compiled several times over, for AVX-512, AVX2 and plain x86-64, of which the processor chooses
// one. CIGLI_CLONES stands before a function whose vectors are Floats. CIGLI_EACH_WIDTH defines a function by
// body<F>arguments once for each, F being vectors as wide as its registers; it can be called in its own file only, as
// others would see no choice. CIGLI_INLINE stands before what these functions call, which becomes part of each.
#pragma GCC diagnostic ignored "-Wpsabi"  // wide vectors cross no function that is not inlined

#define CIGLI_INLINE [[gnu::always_inline]] inline

#if defined(__x86_64__)
#define CIGLI_CLONES [[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]]
#else
#define CIGLI_CLONES
#endif

#if defined(CIGLI_LANES)  // tests: so many floats a vector, whatever the processor
#define CIGLI_EACH_WIDTH(signature, body, arguments) \
  signature { body<Vectors<CIGLI_LANES>::Floats> arguments; }
#elif defined(__x86_64__)
#define CIGLI_EACH_WIDTH(signature, body, arguments)                                   \
  [[gnu::target("arch=x86-64-v4")]] signature { body<Vectors<16>::Floats> arguments; } \
  [[gnu::target("arch=x86-64-v3")]] signature { body<Vectors<8>::Floats> arguments; }  \
  [[gnu::target("default")]] signature { body<Vectors<4>::Floats> arguments; }
#else
#define CIGLI_EACH_WIDTH(signature, body, arguments) \
  signature { body<Vectors<4>::Floats> arguments; }
#endif

namespace cigli {

template <int N>
struct Vectors {
  typedef float Floats __attribute__((vector_size(4 * N)));
  typedef std::uint32_t Words __attribute__((vector_size(4 * N)));
  typedef std::int32_t Integers __attribute__((vector_size(4 * N)));
};

// As many as a register of AVX2 holds: GCC splits comparisons of vectors wider than the registers into those of single
// values, at ten times the time (which plain x86-64 takes here).
constexpr std::int64_t kLanes = 8;
using Floats = Vectors<kLanes>::Floats;
using Bits = Vectors<kLanes>::Words;

template <class To, class From>
CIGLI_INLINE To as_bits(const From& from) {
  static_assert(sizeof(To) == sizeof from);
  To to;
  std::memcpy(&to, &from, sizeof from);
  return to;
}

template <class V = Floats>
CIGLI_INLINE V load(const float* from) {
  V values;
  std::memcpy(&values, from, sizeof values);
  return values;
}

template <class V>
CIGLI_INLINE void store(float* to, const V& values) {
  std::memcpy(to, &values, sizeof values);
}

// For __builtin_shuffle of vectors a and b like V, whose lanes are numbered on from those of a: lane i of the outcome
// is first + (i / turn) step, for turn = 2 of a and b in turn.
template <class V>
CIGLI_INLINE typename Vectors<sizeof(V) / 4>::Words lanes_at(int first, int step, int turn) {
  constexpr int lanes = sizeof(V) / 4;
  typename Vectors<lanes>::Words places;
  for (int i = 0; i < lanes; ++i) places[i] = first + i / turn * step + i % turn * lanes;
  return places;
}

// The lanes of a and b in turn, and back. V has lanes of 32 bits.
template <class V>
CIGLI_INLINE void interleave(const V& a, const V& b, V& low, V& high) {
  low = __builtin_shuffle(a, b, lanes_at<V>(0, 1, 2));
  high = __builtin_shuffle(a, b, lanes_at<V>(sizeof(V) / 8, 1, 2));
}
template <class V>
CIGLI_INLINE void separate(const V& low, const V& high, V& a, V& b) {
  a = __builtin_shuffle(low, high, lanes_at<V>(0, 2, 1));
  b = __builtin_shuffle(low, high, lanes_at<V>(1, 2, 1));
}

// A pack: as many values of type T, side by side in memory, as a register holds; in vectors F of floats.
template <class F, class T>
struct Packed;

template <class F>
struct Packed<F, float> {
  static constexpr int vectors = 1, values = sizeof(F) / sizeof(float);
  CIGLI_INLINE static void read(const float* from, F* to) { *to = load<F>(from); }
  CIGLI_INLINE static void write(float* to, const F* from) { store(to, *from); }
  // One float for each of the values.
  CIGLI_INLINE static void read_each(const float* from, F* to) { *to = load<F>(from); }
  CIGLI_INLINE static void write_each(float* to, const F* from) { store(to, *from); }
};

// The bits of bfloat16: the even ones in one vector, the odd ones in another, which takes an instruction each.
template <class F>
struct Packed<F, std::uint16_t> {
  static constexpr int lanes = sizeof(F) / sizeof(float), vectors = 2, values = 2 * lanes;
  using Words = typename Vectors<lanes>::Words;
  static constexpr std::uint32_t kUpper = 0xffff0000;

  CIGLI_INLINE static void read(const std::uint16_t* from, F* to) {
    Words both;
    std::memcpy(&both, from, sizeof both);
    to[0] = as_bits<F>(both << 16);
    to[1] = as_bits<F>(both & kUpper);
  }
  CIGLI_INLINE static void write(std::uint16_t* to, const F* from) {
    const Words both = joined(from[0], from[1]);
    std::memcpy(to, &both, sizeof both);
  }
  CIGLI_INLINE static void read_each(const float* from, F* to) {
    separate(load<F>(from), load<F>(from + lanes), to[0], to[1]);
  }
  CIGLI_INLINE static void write_each(float* to, const F* from) {
    F low, high;
    interleave(from[0], from[1], low, high);
    store(to, low);
    store(to + lanes, high);
  }
  // The bits of two bfloat16 each, the first in the lower half.
  CIGLI_INLINE static Words joined(const F& even, const F& odd) {
    return rounded(even) >> 16 | (rounded(odd) & kUpper);
  }

 private:
  CIGLI_INLINE static Words rounded(const F& values) {  // to nearest even
    const Words bits = as_bits<Words>(values);
    return bits + 0x7fff + (bits >> 16 & 1);
  }
};

}  // namespace cigli
