#include "decoder/cuda/device_kernels.h"
#include "decoder/cuda/pack.cuh"

// Reads x, e where given, and K predictions once, and writes once: N values take at least N (4 + 4 + K sizeof(T)) bytes
// / bandwidth, 4 N more with e: 14 N for Euler's step of three branches in bfloat16, 20 N in float32.

namespace cigli {
namespace {

constexpr int kThreads = 256;

// A thread makes N neighbours; the branches begin at multiples of N.
template <class T, int N>
__global__ void __launch_bounds__(kThreads) update_kernel(GuidedUpdate<T> u) {
  const std::int64_t i = (static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x) * N;
  if (i >= u.count) return;
  float guided[N] = {};
#pragma unroll
  for (int k = 0; k < GuidedUpdate<T>::most; ++k) {
    if (k == u.branches) break;
    const Pack<T, N> clean = load_pack<N>(u.clean + k * u.count + i);
    for (int v = 0; v < N; ++v) add_branch(to_float(clean.values[v]), u.factors[k], guided[v]);
  }
  Pack<float, N> x{}, e{};
  if (u.x) x = load_pack<N>(u.x + i);
  if (u.e) e = load_pack<N>(u.e + i);
  for (int v = 0; v < N; ++v) x.values[v] = stepped(u.step, x.values[v], e.values[v], guided[v]);
  store_pack(u.made + i, x);
}

template <int N, class T>
cudaError_t launch(const GuidedUpdate<T>& u, cudaStream_t stream) {
  const std::int64_t blocks = (u.count + N * kThreads - 1) / (N * kThreads);
  return launch_kernel({blocks, kThreads, 0, stream}, update_kernel<T, N>, u);
}

}  // namespace

template <class T>
cudaError_t guided_update(const GuidedUpdate<T>& u, cudaStream_t stream) {
  constexpr int n = kPacked<T>;
  if (u.count == 0) return cudaSuccess;
  const bool whole = u.count % n == 0 && aligned<n>(u.x, u.e, u.clean, u.made);
  return whole ? launch<n>(u, stream) : launch<1>(u, stream);
}

template cudaError_t guided_update(const GuidedUpdate<float>&, cudaStream_t);
template cudaError_t guided_update(const GuidedUpdate<std::uint16_t>&, cudaStream_t);

}  // namespace cigli
