#pragma once

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <cstdint>

namespace cigli {

struct Launch {
  std::int64_t blocks;
  int threads;               // a block
  std::size_t shared_bytes;  // of dynamic shared memory a block
  cudaStream_t stream;
};

template <class... Parameters, class... Arguments>
cudaError_t launch_kernel(const Launch& launch, void (*kernel)(Parameters...), const Arguments&... arguments) {
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(static_cast<unsigned>(launch.blocks));
  config.blockDim = dim3(static_cast<unsigned>(launch.threads));
  config.dynamicSmemBytes = launch.shared_bytes;
  config.stream = launch.stream;
  return cudaLaunchKernelEx(&config, kernel, arguments...);
}

// N neighbouring values, read and written in accesses of up to 16 bytes, whose addresses are multiples of as much.
template <class T, int N>
struct alignas(N * sizeof(T) < 16 ? N * sizeof(T) : 16) Pack {
  T values[N];
};

template <class T>
constexpr int kPacked = 16 / sizeof(T);

template <int N, class T>
__device__ __forceinline__ Pack<T, N> load_pack(const T* from) {
  return *reinterpret_cast<const Pack<T, N>*>(from);
}

template <class T, int N>
__device__ __forceinline__ void store_pack(T* to, const Pack<T, N>& values) {
  *reinterpret_cast<Pack<T, N>*>(to) = values;
}

// Whether packs of N may be read at all of these addresses, null among them.
template <int N, class... T>
bool aligned(const T*... pointers) {
  return ((reinterpret_cast<std::uintptr_t>(pointers) % alignof(Pack<T, N>) == 0) && ...);
}

__device__ __forceinline__ float to_float(float value) { return value; }
__device__ __forceinline__ float to_float(std::uint16_t bits) {
  return __uint_as_float(static_cast<unsigned>(bits) << 16);
}

template <class T>
__device__ __forceinline__ T from_float(float value);
template <>
__device__ __forceinline__ float from_float(float value) {
  return value;
}
template <>
__device__ __forceinline__ std::uint16_t from_float(float value) {  // rounded to nearest even
  return __bfloat16_as_ushort(__float2bfloat16_rn(value));
}

}  // namespace cigli
