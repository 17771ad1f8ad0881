#pragma once

#include <cstdint>
#include <cstring>

inline float __uint_as_float(unsigned bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

inline std::uint16_t __float2bfloat16_rn(float value) {
  unsigned bits;
  std::memcpy(&bits, &value, sizeof bits);
  if (value != value) return 0x7fff;  // as on a GPU
  return static_cast<std::uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

inline std::uint16_t __bfloat16_as_ushort(std::uint16_t bits) { return bits; }
