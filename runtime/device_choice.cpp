#include "runtime/device_choice.h"

#include <algorithm>
#include <charconv>

#include "runtime/error.h"

#ifdef CIGLI_CUDA
#include <c10/cuda/CUDACachingAllocator.h>
#include <cuda_runtime_api.h>
#endif

namespace cigli {
namespace {

constexpr int kOldest = 80;  // compute capability that the kernels are built for, and that computes in bfloat16

std::string capability(int number) { return std::to_string(number / 10) + "." + std::to_string(number % 10); }

[[noreturn]] void refuse(const std::string& name, const std::string& reason) {
  throw Error("device is " + name + ", but " + reason);
}

// The number of "cuda:N", 0 of "cuda", -1 of anything else.
int gpu_number(const std::string& name) {
  if (name == "cuda") return 0;
  int number = -1;
  const char* const end = name.data() + name.size();
  if (name.rfind("cuda:", 0) != 0 || std::from_chars(name.data() + 5, end, number).ptr != end) return -1;
  return number;
}

#ifdef CIGLI_CUDA
std::string version(int number) { return std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10); }

std::string reason_of(cudaError_t error) {
  int driver = 0, toolkit = 0;
  cudaDriverGetVersion(&driver);
  cudaRuntimeGetVersion(&toolkit);
  if (driver == 0) return "there is no NVIDIA driver";
  if (error == cudaErrorInsufficientDriver)
    return "the NVIDIA driver is for CUDA " + version(driver) + ", older than the CUDA " + version(toolkit) +
           " of this program";
  return cudaGetErrorString(error);
}
#endif

}  // namespace

Gpus visible_gpus() {
#ifdef CIGLI_CUDA
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error == cudaErrorNoDevice) return {};
  if (error != cudaSuccess) return {{}, reason_of(error)};
  Gpus gpus;
  for (int i = 0; i < count; ++i) {
    int major = 0, minor = 0;
    cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, i);
    cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, i);
    gpus.capabilities.push_back(10 * major + minor);
  }
  return gpus;
#else
  return {{}, "this program was built with a LibTorch without CUDA (the preset cuda builds with one that has it)"};
#endif
}

c10::Device choose_device(const std::string& name, const Gpus& gpus) {
  const auto count = static_cast<int>(gpus.capabilities.size());
  if (name == "cpu") return c10::kCPU;
  if (name == "auto") {
    const auto found = std::find_if(gpus.capabilities.begin(), gpus.capabilities.end(),
                                    [](int capability) { return capability >= kOldest; });
    if (!gpus.missing.empty() || found == gpus.capabilities.end()) return c10::kCPU;
    return {c10::kCUDA, static_cast<c10::DeviceIndex>(found - gpus.capabilities.begin())};
  }
  const int number = gpu_number(name);
  if (number < 0) throw Error("device is '" + name + "', expected auto, cpu, cuda or cuda:N");
  if (!gpus.missing.empty()) refuse(name, gpus.missing);
  if (count == 0) refuse(name, "there is no NVIDIA GPU");
  if (number >= count)
    refuse(name, "there " + (count == 1 ? std::string("is one GPU, cuda:0")
                                        : "are " + std::to_string(count) +
                                              " GPUs, cuda:0 to cuda:" + std::to_string(count - 1)));
  const int found = gpus.capabilities[static_cast<std::size_t>(number)];
  if (found < kOldest)
    refuse(name, "that GPU has compute capability " + capability(found) + ", expected " + capability(kOldest) +
                     " (Ampere) or newer");
  return {c10::kCUDA, static_cast<c10::DeviceIndex>(number)};
}

c10::Device find_device(const std::string& name) { return choose_device(name, visible_gpus()); }

bool is_out_of_memory(const c10::Error& error) {
  if (dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr) return true;
  const std::string text = error.what_without_backtrace();
  return text.find("ALLOC_FAILED") != std::string::npos || text.find("out of memory") != std::string::npos;
}

void release_device_memory() {
#ifdef CIGLI_CUDA
  c10::cuda::CUDACachingAllocator::emptyCache();
#endif
}

void DeviceChoice::visit(Fields& f) {
  f("device", device, "what computes: auto (a GPU where there is one that can be used), cpu, cuda or cuda:N");
}

}  // namespace cigli
