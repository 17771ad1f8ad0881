#pragma once

#include <cstdint>

#include "decoder/cuda/arithmetic.h"

namespace cigli {

// Guidance and a sampler's step in one: made = p x + q e + r (the sum over k of factors[k] clean[k]), elementwise, in
// float32; `clean` float32 or the bits of bfloat16 (T = float, std::uint16_t).
template <class T>
struct GuidedUpdate {
  static constexpr int most = 4;  // branches
  std::int64_t count;             // N
  StepFactors step;               // p, q, r
  const float *x, *e;             // [N] each; null where its factor is 0
  const T* clean;                 // [K,N]
  int branches;                   // K
  float factors[most];            // [K]
  float* made;                    // [N]; may be x or e
};

// On the processor, on so many threads at most. Compiled for AVX-512, AVX2 and plain x86-64.
template <class T>
void guided_update(const GuidedUpdate<T>& update, int threads);

}  // namespace cigli
