#include "runtime/philox.h"

#include <algorithm>
#include <cmath>
#include <cstring>

// A fused multiply-add rounds once where the product and the sum round twice: without this, the same seed would give
// other bits on processors or flags that have it.
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

namespace cigli {
namespace {

constexpr std::uint32_t kMultiply0 = 0xD2511F53, kMultiply1 = 0xCD9E8D57;
constexpr std::uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;
constexpr double kTwoPi = 6.283185307179586;

std::array<std::uint32_t, 2> halves(std::uint64_t value) {
  return {static_cast<std::uint32_t>(value), static_cast<std::uint32_t>(value >> 32)};
}

std::array<std::uint32_t, 4> block_of(std::uint64_t key, std::uint64_t stream, std::uint64_t block) {
  const auto low = halves(block), high = halves(stream);
  return philox4x32({low[0], low[1], high[0], high[1]}, halves(key));
}

// The functions below use IEEE additions, multiplications and selections alone, no library calls: they vectorise, and
// give the same bits with every C library.

// Natural logarithm of x in [2^-31, 1]; Cephes' polynomial on [sqrt(1/2), sqrt(2)].
inline float log_unit(float x) {
  std::uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  // Moves the mantissa's split from 1 to sqrt(1/2).
  bits += 0x3F800000 - 0x3F3504F3;
  const float exponent = static_cast<float>(static_cast<std::int32_t>(bits >> 23) - 127);
  bits = (bits & 0x007FFFFF) + 0x3F3504F3;
  float m;
  std::memcpy(&m, &bits, sizeof m);
  m -= 1.0F;
  float p = 7.0376836292e-2F;
  p = p * m - 1.1514610310e-1F;
  p = p * m + 1.1676998740e-1F;
  p = p * m - 1.2420140846e-1F;
  p = p * m + 1.4249322787e-1F;
  p = p * m - 1.6668057665e-1F;
  p = p * m + 2.0000714765e-1F;
  p = p * m - 2.4999993993e-1F;
  p = p * m + 3.3333331174e-1F;
  const float square = m * m;
  p = p * m * square - 2.12194440e-4F * exponent - 0.5F * square;
  return m + p + 0.693359375F * exponent;
}

// Sine and cosine of 2 pi turns / 2^32: the nearest quarter turn exactly, the rest (at most an eighth) by Cephes'
// polynomials.
inline void sincos_turns(std::uint32_t turns, float& sine, float& cosine) {
  const std::uint32_t quarter = (turns + 0x20000000U) >> 30;
  const float x = static_cast<float>(static_cast<std::int32_t>(turns - (quarter << 30))) *
                  static_cast<float>(kTwoPi / 4294967296.0);
  const float z = x * x;
  const float s = ((-1.9515295891e-4F * z + 8.3321608736e-3F) * z - 1.6666654611e-1F) * z * x + x;
  const float c =
      ((2.443315711809948e-5F * z - 1.388731625493765e-3F) * z + 4.166664568298827e-2F) * z * z - 0.5F * z + 1.0F;
  const float swapped_sine = (quarter & 1) != 0 ? c : s;
  const float swapped_cosine = (quarter & 1) != 0 ? s : c;
  sine = (quarter & 2) != 0 ? -swapped_sine : swapped_sine;
  cosine = ((quarter + 1) & 2) != 0 ? -swapped_cosine : swapped_cosine;
}

constexpr std::int64_t kBlocks = 64;  // Philox blocks at a time: the intermediate arrays stay in the first-level cache

// The four words of blocks first .. first + kBlocks - 1, word by word.
void philox_words(std::uint64_t key, std::uint64_t stream, std::uint64_t first, std::uint32_t (&words)[4][kBlocks]) {
  for (std::int64_t i = 0; i < kBlocks; ++i) {
    const std::array<std::uint32_t, 4> word = block_of(key, stream, first + static_cast<std::uint64_t>(i));
    for (std::size_t k = 0; k < 4; ++k) words[k][i] = word[k];
  }
}

// Box-Muller: words (0, 1) give values 0 and 1 of a block, words (2, 3) its values 2 and 3.
void box_muller(const std::uint32_t* radius_words, const std::uint32_t* angle_words, float* first, float* second) {
  float radius[kBlocks];
  for (std::int64_t i = 0; i < kBlocks; ++i) {
    // Odd numbers below 2^31, so never zero, and signed, for which the conversion is one instruction.
    const auto odd = static_cast<std::int32_t>(radius_words[i] >> 1 | 1);
    const float minus_log = -log_unit(static_cast<float>(odd) * 4.656612873077393e-10F);
    radius[i] = minus_log > 0.0F ? 2.0F * minus_log : 0.0F;
  }
  for (std::int64_t i = 0; i < kBlocks; ++i) radius[i] = std::sqrt(radius[i]);
  for (std::int64_t i = 0; i < kBlocks; ++i) {
    float sine, cosine;
    sincos_turns(angle_words[i], sine, cosine);
    first[i] = radius[i] * cosine;
    second[i] = radius[i] * sine;
  }
}

}  // namespace

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = std::uint64_t{kMultiply0} * counter[0];
    const std::uint64_t product1 = std::uint64_t{kMultiply1} * counter[2];
    counter = {static_cast<std::uint32_t>(product1 >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(product1),
               static_cast<std::uint32_t>(product0 >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(product0)};
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  return counter;
}

std::uint32_t Philox::next() {
  if (used_ == 4) {
    buffer_ = block_of(key_, stream_, block_++);
    used_ = 0;
  }
  return buffer_[static_cast<std::size_t>(used_++)];
}

std::uint64_t Philox::below(std::uint64_t n) {
  const std::uint64_t surplus = (0 - n) % n;  // 2^64 mod n: that many of the lowest numbers would tip the balance
  while (true) {
    const std::uint64_t high = next();
    const std::uint64_t value = high << 32 | next();
    if (value >= surplus) return value % n;
  }
}

double Philox::uniform() {
  const std::uint64_t high = next() >> 5;
  const std::uint64_t low = next() >> 6;
  return static_cast<double>(high << 26 | low) * 0x1p-53;
}

double Philox::normal() {
  const double radius = std::sqrt(-2 * std::log(1 - uniform()));
  return radius * std::cos(kTwoPi * uniform());
}

void fill_normal(std::uint64_t key, std::uint64_t stream, float* out, std::int64_t count) {
  std::uint32_t words[4][kBlocks];
  float values[4][kBlocks];
  for (std::int64_t start = 0; start < count; start += 4 * kBlocks) {
    philox_words(key, stream, static_cast<std::uint64_t>(start / 4), words);
    box_muller(words[0], words[1], values[0], values[1]);
    box_muller(words[2], words[3], values[2], values[3]);
    const std::int64_t end = std::min(4 * kBlocks, count - start);
    for (std::int64_t i = 0; i < end; ++i) out[start + i] = values[i % 4][i / 4];
  }
}

}  // namespace cigli
