#include "decoder/cuda/guided_update_kernel.h"

#include <algorithm>

#include "decoder/cuda/vector_kernel.h"

namespace cigli {
namespace {

template <class F, class T>
CIGLI_INLINE void update_pack(const GuidedUpdate<T>& u, std::int64_t i) {
  using Pack = Packed<F, T>;
  F guided[Pack::vectors] = {}, x[Pack::vectors] = {}, e[Pack::vectors] = {}, made[Pack::vectors];
  for (int k = 0; k < u.branches; ++k) {
    F clean[Pack::vectors];
    Pack::read(u.clean + k * u.count + i, clean);
    for (int v = 0; v < Pack::vectors; ++v) add_branch(clean[v], u.factors[k], guided[v]);
  }
  if (u.x) Pack::read_each(u.x + i, x);
  if (u.e) Pack::read_each(u.e + i, e);
  for (int v = 0; v < Pack::vectors; ++v) made[v] = stepped(u.step, x[v], e[v], guided[v]);
  Pack::write_each(u.made + i, made);
}

// The last values, fewer than a pack.
template <class F, class T>
CIGLI_INLINE void update_rest(const GuidedUpdate<T>& u, std::int64_t i, std::int64_t count) {
  constexpr std::int64_t whole = Packed<F, T>::values;
  T clean[GuidedUpdate<T>::most * whole] = {};
  float x[whole] = {}, e[whole] = {}, made[whole];
  for (int k = 0; k < u.branches; ++k) std::copy_n(u.clean + k * u.count + i, count, clean + k * whole);
  if (u.x) std::copy_n(u.x + i, count, x);
  if (u.e) std::copy_n(u.e + i, count, e);
  GuidedUpdate<T> padded = u;
  padded.count = whole;
  padded.x = x, padded.e = e, padded.clean = clean, padded.made = made;
  update_pack<F>(padded, 0);
  std::copy_n(made, count, u.made + i);
}

template <class F, class T>
CIGLI_INLINE void update_range(GuidedUpdate<T> u, std::int64_t begin, std::int64_t end) {
  constexpr std::int64_t whole = Packed<F, T>::values;
  std::int64_t i = begin;
  for (; i + whole <= end; i += whole) update_pack<F>(u, i);
  if (i < end) update_rest<F>(u, i, end - i);
}

CIGLI_EACH_WIDTH(void compute(const GuidedUpdate<float>& u, std::int64_t begin, std::int64_t end), update_range,
                 (u, begin, end))
CIGLI_EACH_WIDTH(void compute(const GuidedUpdate<std::uint16_t>& u, std::int64_t begin, std::int64_t end), update_range,
                 (u, begin, end))

}  // namespace

template <class T>
void guided_update(const GuidedUpdate<T>& update, int threads) {
  constexpr std::int64_t piece = 16384;  // values: starting a thread costs as much as some thousands take
#pragma omp parallel for num_threads(threads) if (threads > 1 && update.count > piece)
  for (std::int64_t begin = 0; begin < update.count; begin += piece)
    compute(update, begin, std::min(begin + piece, update.count));
}

template void guided_update(const GuidedUpdate<float>&, int);
template void guided_update(const GuidedUpdate<std::uint16_t>&, int);

}  // namespace cigli
