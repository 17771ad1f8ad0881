#include "encoders/layers/group_norm_kernel.h"

#include "encoders/layers/vector_kernel.h"

namespace cigli {
namespace {

// Comparisons are such that NaN passes through.
CIGLI_INLINE Floats activated(const Floats& z, bool relu) { return relu ? (z < 0 ? Floats{} : z) : z; }
CIGLI_INLINE Floats gated(const Floats& gradient, const Floats& z, bool relu) {
  return relu ? (z <= 0 ? Floats{} : gradient) : gradient;
}

// Calls body(channel, Width<n>) for every piece of n vectors of channels.
template <int N>
struct Width {
  static constexpr int vectors = N;
};
template <class Body>
CIGLI_INLINE void for_channels(std::int64_t channels, const Body& body) {
  std::int64_t c = 0;
  for (; c + 4 * kLanes <= channels; c += 4 * kLanes) body(c, Width<4>());
  for (; c < channels; c += kLanes) body(c, Width<1>());
}

template <class T>
CIGLI_INLINE void moments_of(GroupNormKernel<T> k, const T* x, float* first, float* sum, float* squares) {
  for_channels(
      k.channels, [&](std::int64_t c, auto width) __attribute__((always_inline)) {
        constexpr int n = decltype(width)::vectors;
        Floats origin[n], s[n] = {}, q[n] = {};
        for (int v = 0; v < n; ++v) origin[v] = load(x + c + v * kLanes);
        for (std::int64_t p = 0; p < k.places; ++p)
          for (int v = 0; v < n; ++v) {
            const Floats d = load(x + p * k.stride + c + v * kLanes) - origin[v];
            s[v] += d;
            q[v] += d * d;
          }
        for (int v = 0; v < n; ++v) {
          store(first + c + v * kLanes, origin[v]);
          store(sum + c + v * kLanes, s[v]);
          store(squares + c + v * kLanes, q[v]);
        }
      });
}

template <class T>
CIGLI_INLINE void forward_of(GroupNormKernel<T> k, const T* x, const float* scale, const float* shift, T* y) {
  for_channels(
      k.channels, [&](std::int64_t c, auto width) __attribute__((always_inline)) {
        constexpr int n = decltype(width)::vectors;
        Floats a[n], d[n];
        for (int v = 0; v < n; ++v) a[v] = load(scale + c + v * kLanes), d[v] = load(shift + c + v * kLanes);
        for (std::int64_t p = 0; p < k.places; ++p)
          for (int v = 0; v < n; ++v) {
            const std::int64_t at = p * k.stride + c + v * kLanes;
            store(y + at, activated(load(x + at) * a[v] + d[v], k.relu));
          }
      });
}

template <class T>
CIGLI_INLINE void sums_of(GroupNormKernel<T> k, const T* x, const T* gradient, const float* scale, const float* shift,
                          const float* centre, float* sum, float* product) {
  for_channels(
      k.channels, [&](std::int64_t c, auto width) __attribute__((always_inline)) {
        constexpr int n = decltype(width)::vectors;
        Floats s[n] = {}, q[n] = {};
        for (std::int64_t p = 0; p < k.places; ++p)
          for (int v = 0; v < n; ++v) {
            const std::int64_t channel = c + v * kLanes, at = p * k.stride + channel;
            const Floats value = load(x + at);
            const Floats g = gated(load(gradient + at), value * load(scale + channel) + load(shift + channel), k.relu);
            s[v] += g;
            q[v] += g * (value - load(centre + channel));
          }
        for (int v = 0; v < n; ++v) {
          store(sum + c + v * kLanes, s[v]);
          store(product + c + v * kLanes, q[v]);
        }
      });
}

template <class T>
CIGLI_INLINE void backward_of(GroupNormKernel<T> k, const T* x, const T* gradient, const float* scale,
                              const float* shift, const float* a, const float* b, const float* c, T* result) {
  for (std::int64_t p = 0; p < k.places; ++p)
    for (std::int64_t channel = 0; channel < k.channels; channel += kLanes) {
      const std::int64_t at = p * k.stride + channel;
      const Floats value = load(x + at);
      const Floats g = gated(load(gradient + at), value * load(scale + channel) + load(shift + channel), k.relu);
      store(result + at, g * load(a + channel) + value * load(b + channel) + load(c + channel));
    }
}

}  // namespace

#define CIGLI_DEFINE(T)                                                                                              \
  template <>                                                                                                        \
  CIGLI_CLONES void GroupNormKernel<T>::moments(const T* x, float* first, float* sum, float* squares) const {        \
    moments_of(*this, x, first, sum, squares);                                                                       \
  }                                                                                                                  \
  template <>                                                                                                        \
  CIGLI_CLONES void GroupNormKernel<T>::forward(const T* x, const float* scale, const float* shift, T* y) const {    \
    forward_of(*this, x, scale, shift, y);                                                                           \
  }                                                                                                                  \
  template <>                                                                                                        \
  CIGLI_CLONES void GroupNormKernel<T>::sums(const T* x, const T* gradient, const float* scale, const float* shift,  \
                                             const float* centre, float* sum, float* product) const {                \
    sums_of(*this, x, gradient, scale, shift, centre, sum, product);                                                 \
  }                                                                                                                  \
  template <>                                                                                                        \
  CIGLI_CLONES void GroupNormKernel<T>::backward(const T* x, const T* gradient, const float* scale,                  \
                                                 const float* shift, const float* a, const float* b, const float* c, \
                                                 T* result) const {                                                  \
    backward_of(*this, x, gradient, scale, shift, a, b, c, result);                                                  \
  }

CIGLI_DEFINE(float)
CIGLI_DEFINE(std::uint16_t)

}  // namespace cigli
