#include "training/adamw.h"

#include <cstring>

namespace cigli {
namespace {

inline float load(const float* values, std::int64_t i) { return values[i]; }

inline float load(const std::uint16_t* values, std::int64_t i) {
  const std::uint32_t bits = static_cast<std::uint32_t>(values[i]) << 16;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

inline void store(float* values, std::int64_t i, float value) { values[i] = value; }

inline void store(std::uint16_t* values, std::int64_t i, float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  values[i] = static_cast<std::uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

template <class T>
void update(T* __restrict parameter, const T* __restrict gradient, float* __restrict master, float* __restrict first,
            float* __restrict second, float* __restrict average, std::int64_t count, const AdamwScalars s) {
  for (std::int64_t i = 0; i < count; ++i) {
    const float g = s.gradient_scale * load(gradient, i);
    const float m = s.beta1 * first[i] + s.rest1 * g;
    const float v = s.beta2 * second[i] + s.rest2 * g * g;
    const float value = s.shrink * master[i] - s.step_size * m / (s.root_scale * __builtin_sqrtf(v) + s.epsilon);
    first[i] = m;
    second[i] = v;
    master[i] = value;
    average[i] += s.average_rest * (value - average[i]);
    store(parameter, i, value);
  }
}

}  // namespace

void adamw_update(float* parameter, const float* gradient, const AdamwBuffers& b, std::int64_t count,
                  const AdamwScalars& scalars) {
  update(parameter, gradient, b.master, b.first, b.second, b.average, count, scalars);
}

void adamw_update_bf16(std::uint16_t* parameter, const std::uint16_t* gradient, const AdamwBuffers& b,
                       std::int64_t count, const AdamwScalars& scalars) {
  update(parameter, gradient, b.master, b.first, b.second, b.average, count, scalars);
}

}  // namespace cigli
