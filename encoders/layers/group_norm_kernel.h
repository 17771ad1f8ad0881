#pragma once

#include <cstdint>

namespace cigli {

// The loops of AdaptiveGroupNorm over neighbouring `channels` of one sample of `places` x `stride` values (channels
// innermost), float32 or the bits of bfloat16 (T = float, std::uint16_t). `channels` is a multiple of 16; what a
// channel shares lies in arrays of `channels` floats. Compiled for AVX-512, AVX2 and plain x86-64; the processor
// chooses.
template <class T>
struct GroupNormKernel {
  std::int64_t places, stride, channels;
  bool relu;  // the output is max(0, scale x + shift), otherwise scale x + shift

  // sum = the sum of x - first over places, squares = that of (x - first)^2, where `first` is the value at place 0:
  // close to the mean, so that no digits are lost to it.
  void moments(const T* x, float* first, float* sum, float* squares) const;
  void forward(const T* x, const float* scale, const float* shift, T* y) const;
  // With g the gradient before the activation: sum = the sum of g, product = that of g (x - centre).
  void sums(const T* x, const T* gradient, const float* scale, const float* shift, const float* centre, float* sum,
            float* product) const;
  // result = a g + b x + c.
  void backward(const T* x, const T* gradient, const float* scale, const float* shift, const float* a, const float* b,
                const float* c, T* result) const;
};

#define CIGLI_DECLARE(T)                                                                                             \
  template <>                                                                                                        \
  void GroupNormKernel<T>::moments(const T*, float*, float*, float*) const;                                          \
  template <>                                                                                                        \
  void GroupNormKernel<T>::forward(const T*, const float*, const float*, T*) const;                                  \
  template <>                                                                                                        \
  void GroupNormKernel<T>::sums(const T*, const T*, const float*, const float*, const float*, float*, float*) const; \
  template <>                                                                                                        \
  void GroupNormKernel<T>::backward(const T*, const T*, const float*, const float*, const float*, const float*,      \
                                    const float*, T*) const;
CIGLI_DECLARE(float)
CIGLI_DECLARE(std::uint16_t)
#undef CIGLI_DECLARE

}  // namespace cigli
