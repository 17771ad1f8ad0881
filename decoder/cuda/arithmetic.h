#pragma once

#include <cmath>
#include <cstdint>

// What the kernels compute, for the GPU and the processor alike: V is float, or on the processor vectors of
// vector_kernel.h too. NaN passes through comparisons, unless said otherwise.

#if defined(__CUDACC__)
#define CIGLI_ARITHMETIC __host__ __device__ __forceinline__
#else
#pragma GCC diagnostic ignored "-Wpsabi"  // wide vectors cross no function that is not inlined
#define CIGLI_ARITHMETIC [[gnu::always_inline]] inline
#endif

namespace cigli {

// Group norm: y = act(scale x + shift).
template <class V>
CIGLI_ARITHMETIC V normalised(const V& x, const V& scale, const V& shift, bool relu) {
  const V z = x * scale + shift;
  return relu ? (z < 0 ? V{} : z) : z;
}

// The gradient before the activation from that behind it.
template <class V>
CIGLI_ARITHMETIC V gated(const V& gradient, const V& x, const V& scale, const V& shift, bool relu) {
  const V z = x * scale + shift;
  return relu ? (z <= 0 ? V{} : gradient) : gradient;
}

// Sums over places of x - origin and its square: an origin close to the mean, such as the first x, costs no digits.
template <class V>
CIGLI_ARITHMETIC void add_deviation(const V& x, const V& origin, V& sum, V& squares) {
  const V d = x - origin;
  sum += d;
  squares += d * d;
}

// Sums over places of g, the gradient before the activation, and of g (x - mean).
template <class V>
CIGLI_ARITHMETIC void add_gradient(const V& g, const V& x, const V& mean, V& sum, V& product) {
  sum += g;
  product += g * (x - mean);
}

struct GroupMoments {
  double mean, inverse;  // `inverse` = 1 / sqrt(variance + 1e-5)
};

// Of `group` channels of `places` values, from the sums of add_deviation: Chan's rule (Chan, Golub and LeVeque 1983),
// the variance from those of the channels and the spread of their means.
CIGLI_ARITHMETIC GroupMoments group_moments(const float* origin, const float* sum, const float* squares,
                                            std::int64_t group, std::int64_t places) {
  const double count = static_cast<double>(places), share = 1 / count;
  double mean = 0, spread = 0;
  for (std::int64_t c = 0; c < group; ++c) mean += origin[c] + sum[c] * share;
  mean /= static_cast<double>(group);
  for (std::int64_t c = 0; c < group; ++c) {
    const double deviation = sum[c] * share, own = origin[c] + deviation - mean;
    spread += squares[c] - sum[c] * deviation + count * own * own;
  }
  const double variance = spread * share / static_cast<double>(group);
  return {mean, 1 / std::sqrt((variance < 0 ? 0 : variance) + 1e-5)};
}

struct ScaleShift {
  float scale, shift;
};

// Of ((x - mean) inverse weight + bias) (1 + s) + h. `modulation` is s of all `channels` beside their h; null: both 0.
CIGLI_ARITHMETIC ScaleShift scale_shift(const GroupMoments& m, float weight, float bias, const float* modulation,
                                        std::int64_t channels, std::int64_t channel) {
  const double gain = modulation ? 1.0 + modulation[channel] : 1.0;
  const double offset = modulation ? modulation[channels + channel] : 0.0, scale = m.inverse * weight;
  return {static_cast<float>(scale * gain), static_cast<float>((bias - m.mean * scale) * gain + offset)};
}

// k = weight (1 + s)
CIGLI_ARITHMETIC float modulated_weight(float weight, const float* modulation, std::int64_t channel) {
  return static_cast<float>(weight * (modulation ? 1.0 + modulation[channel] : 1.0));
}

// Means over a group of the gradient k g of the normalised x, and of its product with the normalised x.
struct GradientMeans {
  double gradient, product;
};

// `factor` [group] is k; `sum` and `product` are those of add_gradient, the latter times `inverse`.
CIGLI_ARITHMETIC GradientMeans gradient_means(const float* factor, const float* sum, const float* product,
                                              std::int64_t group, std::int64_t places) {
  double gradient = 0, both = 0;
  for (std::int64_t c = 0; c < group; ++c) {
    gradient += static_cast<double>(factor[c]) * sum[c];
    both += static_cast<double>(factor[c]) * product[c];
  }
  const double count = static_cast<double>(places) * static_cast<double>(group);
  return {gradient / count, both / count};
}

// The gradient of x is a g + b x + c, which is inverse (k g - mean(k g) - xhat mean(k g xhat)), xhat normalised.
struct InputGradient {
  float a, b, c;
};

CIGLI_ARITHMETIC InputGradient input_gradient(const GradientMeans& m, float factor, float mean, double inverse) {
  return {static_cast<float>(factor * inverse), static_cast<float>(-inverse * inverse * m.product),
          static_cast<float>(inverse * (inverse * m.product * mean - m.gradient))};
}

template <class V>
CIGLI_ARITHMETIC V backward(const V& g, const V& x, const V& a, const V& b, const V& c) {
  return g * a + (x * b + c);  // one way to fuse it: what a value becomes must not depend on its place
}

// Guidance: the sum of the branches' predictions by their factors.
template <class V>
CIGLI_ARITHMETIC void add_branch(const V& clean, float factor, V& guided) {
  guided += clean * factor;
}

// A sampler's step: p x + q e + r guided. The inner sum can be fused in two ways; tests see to it that a build knows
// one.
struct StepFactors {
  float p, q, r;
};

template <class V>
CIGLI_ARITHMETIC V stepped(const StepFactors& f, const V& x, const V& e, const V& guided) {
  return x * f.p + (e * f.q + guided * f.r);
}

// [-1,1] of a pixel 0 to 255: pixel / 127.5 - 1, each rounded. As 1 / 127.5 = 2^-7 (1 + 2^-8 + 2^-16 + ...), the first
// product is exact, and the sum rounds as the quotient does, fused or not (tests/decoder/cuda/pixel_kernel_test.cpp: of
// all pixels).
template <class V>
CIGLI_ARITHMETIC V unit_of_pixel(const V& pixel) {
  return (pixel * 0x1.01p-7F + pixel * 0x1.010102p-23F) - 1.0F;
}

// A product that is rounded: within a sum the two would else become one operation, and some values other pixels.
template <class V>
CIGLI_ARITHMETIC V rounded_product(const V& value, float factor) {
#if defined(__CUDA_ARCH__)
  return __fmul_rn(value, factor);
#else
  return value * factor;  // pixel_kernel.cpp is compiled without such operations
#endif
}

// Back, to be cut off behind the point: rounds to nearest, clamps; of NaN 0.
template <class V>
CIGLI_ARITHMETIC V pixel_of_unit(const V& value) {
  const V pixel = rounded_product(value + 1.0F, 127.5F) + 0.5F;
  return pixel > 0 ? (pixel < 255 ? pixel : V{} + 255) : V{};
}

}  // namespace cigli
