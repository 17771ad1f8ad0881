#include "decoder/cuda/guided_update_kernel.h"

#include <algorithm>

#include "decoder/cuda/vector_kernel.h"

namespace cigli {
namespace {

// `read` takes as many values from where it is given as one vector here has.
template <class T, class Read>
CIGLI_INLINE Floats made_at(const GuidedUpdate<T>& u, std::int64_t i, const Read& read) {
  Floats guided{};
  for (int k = 0; k < u.branches; ++k) add_branch(read(u.clean + k * u.count + i), u.factors[k], guided);
  return stepped(u.step, u.x ? read(u.x + i) : Floats{}, u.e ? read(u.e + i) : Floats{}, guided);
}

template <class T>
CIGLI_INLINE void update_range(GuidedUpdate<T> u, std::int64_t begin, std::int64_t end) {
  std::int64_t i = begin;
  for (; i + kLanes <= end; i += kLanes)
    store(u.made + i, made_at(
                          u, i, [](const auto* from) __attribute__((always_inline)) { return load(from); }));
  const std::int64_t rest = end - i;
  if (rest > 0)
    store_first(u.made + i,
                made_at(
                    u, i, [&](const auto* from) __attribute__((always_inline)) { return load_first(from, rest); }),
                rest);
}

CIGLI_CLONES void compute(const GuidedUpdate<float>& u, std::int64_t begin, std::int64_t end) {
  update_range(u, begin, end);
}
CIGLI_CLONES void compute(const GuidedUpdate<std::uint16_t>& u, std::int64_t begin, std::int64_t end) {
  update_range(u, begin, end);
}

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
