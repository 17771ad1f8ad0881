#pragma once

#include <cstdint>

namespace cigli {

// Group norm, modulation and activation (encoders/layers/group_norm.h says which) of x [B,places,C], channels
// innermost, in float32 or the bits of bfloat16 (T = float, std::uint16_t); everything else is float32.
struct GroupNormShape {
  std::int64_t batch, places, channels;  // none is 0
  std::int64_t group;                    // channels that share a mean and a variance; divides `channels`
  bool relu;
};

template <class T>
struct GroupNormForward {
  GroupNormShape shape;
  const T* x;
  const float *weight, *bias;             // [C]
  const float* modulation;                // [B,2C]: s beside h; null: both 0
  float *scale, *shift, *mean, *inverse;  // [B,C], made: y = act(scale x + shift); the group's mean, 1 / its deviation
  T* y;                                   // made
};

template <class T>
struct GroupNormBackward {
  GroupNormShape shape;
  const T *x, *gradient;  // `gradient` of y
  const float* weight;
  const float* modulation;
  const float *scale, *shift, *mean, *inverse;  // as the forward pass made them
  float *sum, *product;  // [B,C], made: of the gradient g before the activation, and of g times the normalised x
  T* result;             // made: the gradient of x
};

// Channels; the GPU's kernels (decoder/cuda/device_kernels.h) take no larger groups.
constexpr std::int64_t kLargestGroupOnGpu = 256;

// On the processor, on so many threads at most. Compiled for AVX-512, AVX2 and plain x86-64; the processor chooses.
template <class T>
void group_norm(const GroupNormForward<T>& pass, int threads);
template <class T>
void group_norm(const GroupNormBackward<T>& pass, int threads);

}  // namespace cigli
