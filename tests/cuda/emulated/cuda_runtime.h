#pragma once

// As much of CUDA as the kernels and their test use, on the processor: memory is the processor's own, and the threads
// of a block are fibers, each of which runs to the next barrier before the next one does. What a kernel computes, where
// it reads and writes and whether its barriers suffice can so be tested without a GPU; not its speed.

#include <ucontext.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <stdexcept>
#include <vector>

#define __global__
#define __device__
#define __host__
#define __shared__
#define __forceinline__ inline
#define __launch_bounds__(...)

using std::min;

struct CUstream_st;
using cudaStream_t = CUstream_st*;
enum cudaError_t { cudaSuccess, cudaErrorInvalidValue };
enum cudaMemcpyKind { cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost };
enum cudaDeviceAttr { cudaDevAttrMaxSharedMemoryPerBlockOptin };
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize };
struct dim3 {
  dim3(unsigned x = 1) : x(x) {}
  unsigned x;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct cudaLaunchConfig_t {
  dim3 gridDim, blockDim;
  std::size_t dynamicSmemBytes = 0;
  cudaStream_t stream = nullptr;
};

inline dim3 threadIdx, blockIdx;

constexpr int kEmulatedSharedBytes = 99 << 10;  // the least that compute capability 8.0 and later have
namespace cigli {
inline float4 shared_memory[kEmulatedSharedBytes / sizeof(float4) + 1];
}

inline const char* cudaGetErrorString(cudaError_t error) { return error == cudaSuccess ? "no error" : "invalid value"; }
inline cudaError_t cudaGetLastError() { return cudaSuccess; }
inline cudaError_t cudaDeviceSynchronize() { return cudaSuccess; }
inline cudaError_t cudaGetDeviceCount(int* count) { return *count = 1, cudaSuccess; }
inline cudaError_t cudaGetDevice(int* device) { return *device = 0, cudaSuccess; }
inline cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr, int) {
  return *value = kEmulatedSharedBytes, cudaSuccess;
}
template <class Kernel>
cudaError_t cudaFuncSetAttribute(Kernel*, cudaFuncAttribute, int bytes) {
  return bytes <= kEmulatedSharedBytes ? cudaSuccess : cudaErrorInvalidValue;
}
inline cudaError_t cudaMalloc(void** memory, std::size_t bytes) {
  *memory = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
  return *memory ? cudaSuccess : cudaErrorInvalidValue;
}
inline cudaError_t cudaFree(void* memory) { return std::free(memory), cudaSuccess; }
inline cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind) {
  return std::memcpy(to, from, bytes), cudaSuccess;
}

// One block's threads.
class EmulatedBlock {
 public:
  EmulatedBlock(unsigned threads, const std::function<void()>& kernel) : kernel_(kernel), fibers_(threads) {
    for (Fiber& fiber : fibers_) prepare(fiber);
  }

  // Throws where some threads wait at a barrier that others never reach. In `backwards` the last thread goes first:
  // a missing barrier shows in one of the two orders.
  void run(bool backwards) {
    current_ = this;
    std::size_t ended = 0;
    do {
      ended = 0;
      for (std::size_t i = 0; i < fibers_.size(); ++i) {
        threadIdx.x = static_cast<unsigned>(backwards ? fibers_.size() - 1 - i : i);
        swapcontext(&outside_, &fibers_[threadIdx.x].context);
        ended += fibers_[threadIdx.x].ended;
      }
    } while (ended == 0 && !fibers_.empty());
    current_ = nullptr;
    if (ended != fibers_.size()) throw std::runtime_error("a barrier that not all threads reach");
  }

  static void wait() { swapcontext(&current_->fibers_[threadIdx.x].context, &current_->outside_); }

 private:
  static constexpr std::size_t kStack = 1 << 16;
  struct Fiber {
    ucontext_t context{};
    std::unique_ptr<char[]> stack{new char[kStack]};
    bool ended = false;
  };

  [[gnu::noinline]] void prepare(Fiber& fiber) {  // inline, getcontext would make GCC fear for the caller's variables
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = fiber.stack.get();
    fiber.context.uc_stack.ss_size = kStack;
    fiber.context.uc_link = &outside_;
    makecontext(&fiber.context, &EmulatedBlock::enter, 0);
  }

  static void enter() {
    current_->kernel_();
    current_->fibers_[threadIdx.x].ended = true;
  }

  inline static EmulatedBlock* current_ = nullptr;
  const std::function<void()>& kernel_;
  std::vector<Fiber> fibers_;
  ucontext_t outside_{};
};

inline void __syncthreads() { EmulatedBlock::wait(); }

// Blocks run by turns in the order of their threads and against it. Throws where a block writes beyond its shared
// memory.
template <class... Parameters, class... Arguments>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Parameters...),
                               const Arguments&... arguments) {
  const std::size_t bytes = config->dynamicSmemBytes, all = sizeof cigli::shared_memory;
  if (bytes > kEmulatedSharedBytes) return cudaErrorInvalidValue;
  const std::function<void()> body = [&] { kernel(arguments...); };
  char* const shared = reinterpret_cast<char*>(cigli::shared_memory);
  for (blockIdx.x = 0; blockIdx.x < config->gridDim.x; ++blockIdx.x) {
    std::memset(shared, 0x7f, all);  // neither 0 nor left over
    EmulatedBlock(config->blockDim.x, body).run(blockIdx.x % 2 == 1);
    if (std::any_of(shared + bytes, shared + all, [](char c) { return c != 0x7f; }))
      throw std::runtime_error("a block writes beyond its shared memory");
  }
  return cudaSuccess;
}
