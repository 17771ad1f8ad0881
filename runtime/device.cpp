#include "runtime/device.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <dlfcn.h>
#include <malloc.h>
#include <omp.h>
#include <sched.h>
#include <sys/resource.h>
#include <torch/version.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <opencv2/core/utility.hpp>

#include "runtime/error.h"

namespace cigli {
namespace {

constexpr const char* kCapability = "ATEN_CPU_CAPABILITY";
bool added_capability = false;  // by prepare_process

bool has_avx512() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512vl") != 0 &&
         __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512dq") != 0;
#else
  return false;
#endif
}

std::string instruction_sets() {
#if defined(__x86_64__)
  if (!has_avx512()) return __builtin_cpu_supports("avx2") != 0 ? "AVX2" : "SSE";
  return __builtin_cpu_supports("avx512bf16") != 0 ? "AVX-512 bf16" : "AVX-512";
#else
  return "portable instructions";
#endif
}

template <class Function>
Function find_symbol(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_DEFAULT, name));
}

// The file that LibTorch's sgemm comes from, through the links that distributions choose a BLAS by.
std::filesystem::path blas_file() {
  Dl_info info = {};
  void* const gemm = dlsym(RTLD_DEFAULT, "sgemm_");
  if (gemm == nullptr || dladdr(gemm, &info) == 0 || info.dli_fname == nullptr) return {};
  std::error_code ignored;
  return std::filesystem::canonical(info.dli_fname, ignored);
}

bool is_reference_blas(const std::filesystem::path& file) {
  if (at::hasMKL() || file.filename().string().rfind("libblas", 0) != 0) return false;
  const std::string folder = file.parent_path().filename().string();
  const auto names = {"openblas", "blis", "atlas", "mkl"};
  return std::none_of(names.begin(), names.end(),
                      [&](const char* name) { return folder.find(name) != std::string::npos; });
}

// OpenBLAS built with pthreads, whose threads get in the way of LibTorch's.
bool has_threads_of_its_own() {
  constexpr int pthreads = 1;
  const auto parallel = find_symbol<int (*)()>("openblas_get_parallel");
  return !at::hasMKL() && parallel && parallel() == pthreads;
}

std::string blas_name() {
  if (at::hasMKL()) return "MKL";
  const std::filesystem::path file = blas_file();
  // First, as LAPACK may bring OpenBLAS along without LibTorch's products going there.
  if (is_reference_blas(file)) return "reference BLAS";
  if (const auto config = find_symbol<char* (*)()>("openblas_get_config")) {
    const std::string text = config();
    return text.substr(0, text.find(' ', text.find(' ') + 1)) + (has_threads_of_its_own() ? " with pthreads" : "");
  }
  return file.empty() ? "built-in BLAS" : file.filename().string();
}

// Whole cores that a container's quota allows (control groups version 2, then 1), or 0 without one.
std::int64_t quota_cores() {
  double quota = 0, period = 0;
  std::ifstream both("/sys/fs/cgroup/cpu.max");
  if (!(both >> quota >> period)) {
    std::ifstream first("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"), second("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
    if (!(first >> quota) || !(second >> period)) return 0;
  }
  return quota > 0 && period > 0 ? std::max<std::int64_t>(1, static_cast<std::int64_t>(quota / period)) : 0;
}

void warn_of_slow_blas() {
  static bool warned = false;
  const bool reference = is_reference_blas(blas_file());
  if (warned || !(reference || has_threads_of_its_own())) return;
  warned = true;
  std::fprintf(stderr, "cigli: warning: the active BLAS %s: install libopenblas0-openmp and build again\n",
               reference ? "is the reference one, many times slower than OpenBLAS"
                         : "has threads of its own, which get in the way of LibTorch's");
}

}  // namespace

void prepare_process() {
  mallopt(M_TRIM_THRESHOLD, -1);
  // Older C libraries bound the threshold at 32 MiB; there, no block is mapped on its own.
  if (mallopt(M_MMAP_THRESHOLD, 1 << 30) == 0) mallopt(M_MMAP_MAX, 0);
#if TORCH_VERSION_MAJOR == 1
  if (has_avx512() && std::getenv(kCapability) == nullptr) added_capability = setenv(kCapability, "avx512", 0) == 0;
#endif
}

std::vector<std::string> original_environment() {
  std::vector<std::string> entries;
  const std::string added = std::string(kCapability) + "=";
  for (char** entry = environ; *entry != nullptr; ++entry)
    if (!added_capability || std::string(*entry).rfind(added, 0) != 0) entries.emplace_back(*entry);
  return entries;
}

OneThread::OneThread() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
OneThread::~OneThread() { omp_set_num_threads(before_); }

std::int64_t usable_cores() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  const std::int64_t cores = sched_getaffinity(0, sizeof allowed, &allowed) == 0 ? CPU_COUNT(&allowed) : 1;
  const std::int64_t quota = quota_cores();
  return quota > 0 ? std::min(cores, quota) : cores;
}

void set_threads(std::int64_t threads) {
  if (threads < 0 || threads > 4096) {
    throw Error("threads: found " + std::to_string(threads) + ", expected 0 (all cores) to 4096");
  }
  const int count = static_cast<int>(threads == 0 ? usable_cores() : threads);
  at::set_num_threads(count);
  // LibTorch doesn't pass its count on to OpenBLAS.
  if (const auto set_openblas = find_symbol<void (*)(int)>("openblas_set_num_threads")) set_openblas(count);
  cv::setNumThreads(0);  // none of its own; 1 would start TBB, which takes some 40 ms
  warn_of_slow_blas();
}

bool computes_in_bf16(c10::Device device) {
  if (!device.is_cpu()) return true;
#ifdef __x86_64__
  return __builtin_cpu_supports("avx512bf16") != 0;
#else
  return false;
#endif
}

std::string runtime_description() {
  return std::string("LibTorch ") + TORCH_VERSION + ", " + blas_name() + ", " + instruction_sets() + ", " +
         std::to_string(at::get_num_threads()) + " of " + std::to_string(usable_cores()) + " cores";
}

std::uint64_t peak_memory_bytes() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

}  // namespace cigli
