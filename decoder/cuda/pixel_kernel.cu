#include "decoder/cuda/arithmetic.h"
#include "decoder/cuda/device_kernels.h"
#include "decoder/cuda/pack.cuh"

// Both ways read and write every value once: 1 byte and sizeof(T), so N values take at least N (1 + sizeof(T)) bytes /
// bandwidth: 3 N with bfloat16, 5 N with float32.

namespace cigli {
namespace {

constexpr int kThreads = 256;

struct ToUnit {
  template <class T>
  __device__ static void convert(std::uint8_t pixel, T& unit) {
    unit = from_float<T>(unit_of_pixel(static_cast<float>(pixel)));
  }
};

struct ToPixel {
  template <class T>
  __device__ static void convert(T unit, std::uint8_t& pixel) {
    pixel = static_cast<std::uint8_t>(pixel_of_unit(to_float(unit)));
  }
};

// A thread converts N neighbours; the last, one by one, those that are fewer.
template <class Conversion, int N, class From, class To>
__global__ void __launch_bounds__(kThreads)
    convert(const From* __restrict__ from, std::int64_t count, To* __restrict__ to) {
  const std::int64_t i = (static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x) * N;
  if (i + N <= count) {
    const Pack<From, N> read = load_pack<N>(from + i);
    Pack<To, N> made;
    for (int v = 0; v < N; ++v) Conversion::convert(read.values[v], made.values[v]);
    store_pack(to + i, made);
  } else {
    for (std::int64_t each = i; each < count; ++each) Conversion::convert(from[each], to[each]);
  }
}

template <class Conversion, int N, class From, class To>
cudaError_t launch(const From* from, std::int64_t count, To* to, cudaStream_t stream) {
  if (count == 0) return cudaSuccess;
  if (N > 1 && !aligned<N>(from, to)) return launch<Conversion, 1>(from, count, to, stream);
  const std::int64_t blocks = (count + N * kThreads - 1) / (N * kThreads);
  return launch_kernel({blocks, kThreads, 0, stream}, convert<Conversion, N, From, To>, from, count, to);
}

}  // namespace

template <class T>
cudaError_t pixels_to_units(const std::uint8_t* pixels, std::int64_t count, T* units, cudaStream_t stream) {
  return launch<ToUnit, kPacked<T>>(pixels, count, units, stream);
}

template <class T>
cudaError_t units_to_pixels(const T* units, std::int64_t count, std::uint8_t* pixels, cudaStream_t stream) {
  return launch<ToPixel, kPacked<T>>(units, count, pixels, stream);
}

template cudaError_t pixels_to_units(const std::uint8_t*, std::int64_t, float*, cudaStream_t);
template cudaError_t pixels_to_units(const std::uint8_t*, std::int64_t, std::uint16_t*, cudaStream_t);
template cudaError_t units_to_pixels(const float*, std::int64_t, std::uint8_t*, cudaStream_t);
template cudaError_t units_to_pixels(const std::uint16_t*, std::int64_t, std::uint8_t*, cudaStream_t);

}  // namespace cigli
