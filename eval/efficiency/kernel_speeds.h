#pragma once

#include <c10/core/Device.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace cigli {

// How fast one of decoder/cuda/'s kernels moves what it must move.
struct KernelSpeed {
  std::string kernel, type;  // "float32" or "bfloat16"
  double bytes = 0;          // each input read once, the output written once
  double seconds = 0;        // of the fastest run
  double rate() const { return bytes / seconds; }
};

struct KernelSpeeds {
  double copy = 0;  // bytes a second, read and written, of a copy that no cache holds
  std::vector<KernelSpeed> kernels;
};

// Measures them on a GPU, or their twins on the processor with the threads that are set, on tensors that no cache
// holds: each by the fastest of the runs that `seconds` allow.
KernelSpeeds measure_kernels(c10::Device device, double seconds = 0.5);

// {"copy", "kernels": [{"kernel", "type", "bytes", "seconds", "of_copy"}]}
nlohmann::ordered_json to_json(const KernelSpeeds& speeds);
std::string to_text(const KernelSpeeds& speeds);

}  // namespace cigli
