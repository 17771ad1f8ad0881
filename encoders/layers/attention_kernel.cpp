#include "encoders/layers/attention_kernel.h"

#include <algorithm>

#include "encoders/layers/product_kernel.h"

namespace cigli {
namespace {

// e^x for x <= 0, to 3 units in the last place; 0 below -87. With x = n ln 2 + r, |r| <= ln 2 / 2, it is 2^n times
// e^r's Taylor polynomial. NaN stays NaN.
CIGLI_INLINE Floats exponential(const Floats& x) {
  constexpr float shift = 12582912.0F;  // 1.5 2^23: a sum with it is rounded to a whole number, its last bits
  const Floats bounded = x < -87.0F ? Floats{} - 87.0F : x;
  const Floats shifted = bounded * 1.44269504F + shift, n = shifted - shift;
  const Floats r = bounded - n * 0.693359375F + n * 2.12194440e-4F;  // ln 2 in two parts, the first of few bits
  const Floats power = 1 + r * (1 + r * (0.5F + r * (1.0F / 6 + r * (1.0F / 24 + r * (1.0F / 120 + r / 720)))));
  Bits whole;
  std::memcpy(&whole, &shifted, sizeof whole);
  const Bits exponent = (whole + (127U - 0x4b400000U)) << 23;
  Floats scale;
  std::memcpy(&scale, &exponent, sizeof scale);
  return x < -87.0F ? Floats{} : power * scale;
}

CIGLI_INLINE float greatest(const Floats& values) {
  float most = values[0];
  for (std::int64_t i = 1; i < kLanes; ++i) most = values[i] > most ? values[i] : most;
  return most;
}

CIGLI_INLINE float sum(const Floats& values) {
  float all = 0;
  for (std::int64_t i = 0; i < kLanes; ++i) all += values[i];
  return all;
}

// Of one query's scores: e^(score scale + bias - the greatest of these) in their place; returns their sum.
CIGLI_INLINE float exponentials(const AttentionKernel& a, float scale, const float* bias, float* scores) {
  const std::int64_t padded = a.padded_keys();
  for (std::int64_t m = 0; m < padded; m += kLanes) store(scores + m, load(scores + m) * scale + load(bias + m));
  std::int64_t m = 0;
  float most = scores[0];
  Floats all = Floats{} + most;
  for (; m + kLanes <= a.keys; m += kLanes) {
    const Floats each = load(scores + m);
    all = each > all ? each : all;
  }
  most = greatest(all);
  for (; m < a.keys; ++m) most = scores[m] > most ? scores[m] : most;
  Floats total{};
  for (m = 0; m + kLanes <= a.keys; m += kLanes) {
    const Floats each = exponential(load(scores + m) - most);
    store(scores + m, each);
    total += each;
  }
  float rest = 0;
  if (m < a.keys) {
    const Floats each = exponential(load(scores + m) - most);  // those beyond the keys are left alone
    for (std::int64_t lane = 0; m + lane < a.keys; ++lane) {
      scores[m + lane] = each[lane];
      rest += each[lane];
    }
  }
  return sum(total) + rest;
}

}  // namespace

CIGLI_CLONES void AttentionKernel::attend(const float* q, const float* k, const float* v, float scale,
                                          const float* bias, float* scratch, float* attended) const {
  constexpr std::int64_t panel = 2 * kLanes;
  const std::int64_t many = padded_keys(), wide = padded_width();
  float* const packed_keys = scratch;                       // [M / 16][d][16]
  float* const packed_values = packed_keys + many * width;  // [d / 16][M][16]
  float* const scores = packed_values + keys * wide;        // [48][M]
  float* const sums = scores + together * many;             // [48][d]
  float* const totals = sums + together * wide;             // [48]
  for (std::int64_t m = 0; m < many; ++m)
    for (std::int64_t i = 0; i < width; ++i)
      packed_keys[(m / panel * width + i) * panel + m % panel] = m < keys ? k[m * key_stride + i] : 0;
  for (std::int64_t m = 0; m < keys; ++m)
    for (std::int64_t i = 0; i < wide; ++i)
      packed_values[(i / panel * keys + m) * panel + i % panel] = i < width ? v[m * value_stride + i] : 0;

  for (std::int64_t first = 0; first < queries; first += together) {
    const std::int64_t count = std::min(together, queries - first);
    for (std::int64_t m = 0; m < many; m += panel)
      multiply_all_rows(count, q + first * query_stride, packed_keys + m * width, width, {query_stride, 1, panel, many},
                        scores + m);
    for (std::int64_t n = 0; n < count; ++n) totals[n] = exponentials(*this, scale, bias, scores + n * many);
    for (std::int64_t i = 0; i < wide; i += panel)
      multiply_all_rows(count, scores, packed_values + i * keys, keys, {many, 1, panel, wide}, sums + i);
    for (std::int64_t n = 0; n < count; ++n)
      for (std::int64_t i = 0; i < width; ++i)
        attended[(first + n) * attended_stride + i] = sums[n * wide + i] / totals[n];
  }
}

}  // namespace cigli
