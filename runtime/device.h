#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <string>
#include <vector>

namespace cigli {

// Called first thing in main, before any tensor exists: allocator that keeps its memory (mallopt), AVX-512 kernels of
// LibTorch 1.13 where the processor has them (ATEN_CPU_CAPABILITY, unless the user set it).
void prepare_process();
// The environment, as NAME=VALUE, without what prepare_process added to it: what commands that this program starts get.
std::vector<std::string> original_environment();

// Threads of LibTorch, the BLAS and OpenMP, OpenCV bounded to one; 0 = all cores this process may use. Warns once on
// stderr when the active BLAS is the reference one, or one whose threads get in the way of LibTorch's.
void set_threads(std::int64_t threads);
std::int64_t usable_cores();

// While it stands, tensor operations of this thread run on it alone: for workers that are many themselves.
class OneThread {
 public:
  OneThread();
  ~OneThread();
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

// Whether a device has instructions for bfloat16 products; on a processor without them LibTorch's are far slower than
// float32's.
bool computes_in_bf16(c10::Device device = c10::kCPU);

// Pretty one-liners for --version and logs: LibTorch version, BLAS, instruction sets.
std::string runtime_description();

// Peak resident memory of this process in bytes.
std::uint64_t peak_memory_bytes();

}  // namespace cigli
