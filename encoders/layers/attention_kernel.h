#pragma once

#include <cstdint>

namespace cigli {

// The loops of attention of one head, float32: N queries, M keys and values of d numbers each, whose rows may lie
// apart. Compiled for AVX-512, AVX2 and plain x86-64; the processor chooses.
struct AttentionKernel {
  static constexpr std::int64_t together = 48;  // queries, whose scores stay in the second cache

  std::int64_t queries, keys, width;                                     // N, M, d
  std::int64_t query_stride, key_stride, value_stride, attended_stride;  // from row to row

  std::int64_t padded_keys() const { return (keys + 15) / 16 * 16; }
  std::int64_t padded_width() const { return (width + 15) / 16 * 16; }
  // Floats that attend() needs beside its arguments.
  std::int64_t scratch() const {
    return padded_keys() * width + keys * padded_width() + together * (padded_keys() + padded_width() + 1);
  }
  // softmax(q k^T scale + bias) v to `attended` [N,d]; `bias` is added to every query's scores, [M] padded to
  // padded_keys() by anything that is finite.
  void attend(const float* q, const float* k, const float* v, float scale, const float* bias, float* scratch,
              float* attended) const;
};

}  // namespace cigli
