#pragma once

#include <cstdint>
#include <cstring>

// For sources whose loops are compiled several times over, for AVX-512, AVX2 and plain x86-64: CIGLI_CLONES stands
// before a function, of which the processor chooses one, and CIGLI_INLINE before what it calls, which becomes part of
// each.
#pragma GCC diagnostic ignored "-Wpsabi"  // wide vectors cross no function that is not inlined

#define CIGLI_INLINE [[gnu::always_inline]] inline

#if defined(__x86_64__)
#define CIGLI_CLONES [[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]]
#else
#define CIGLI_CLONES
#endif

namespace cigli {

// As many as a register of AVX2 holds: GCC splits comparisons of vectors wider than the registers into those of single
// values, at ten times the time (which plain x86-64 takes).
constexpr std::int64_t kLanes = 8;
typedef float Floats __attribute__((vector_size(4 * kLanes)));
typedef std::uint32_t Bits __attribute__((vector_size(4 * kLanes)));
typedef std::uint16_t Halves __attribute__((vector_size(2 * kLanes)));

CIGLI_INLINE Floats load(const float* from) {
  Floats values;
  std::memcpy(&values, from, sizeof values);
  return values;
}

CIGLI_INLINE void store(float* to, const Floats& values) { std::memcpy(to, &values, sizeof values); }

// Of the bits of bfloat16.
CIGLI_INLINE Floats load(const std::uint16_t* from) {
  Halves halves;
  std::memcpy(&halves, from, sizeof halves);
  const Bits bits = __builtin_convertvector(halves, Bits) << 16;
  Floats values;
  std::memcpy(&values, &bits, sizeof values);
  return values;
}

CIGLI_INLINE void store(std::uint16_t* to, const Floats& values) {  // rounded to nearest even
  Bits bits;
  std::memcpy(&bits, &values, sizeof bits);
  const Halves halves = __builtin_convertvector((bits + 0x7fff + (bits >> 16 & 1)) >> 16, Halves);
  std::memcpy(to, &halves, sizeof halves);
}

// The first `count` values, below kLanes, and zeros; and back.
template <class T>
CIGLI_INLINE Floats load_first(const T* from, std::int64_t count) {
  T values[kLanes] = {};
  for (std::int64_t i = 0; i < count; ++i) values[i] = from[i];
  return load(values);
}

template <class T>
CIGLI_INLINE void store_first(T* to, const Floats& values, std::int64_t count) {
  T all[kLanes];
  store(all, values);
  for (std::int64_t i = 0; i < count; ++i) to[i] = all[i];
}

}  // namespace cigli
