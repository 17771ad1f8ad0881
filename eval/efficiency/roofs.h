#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>

namespace cigli {

// Floating-point operations a second of one type, 2 a multiplication with its addition.
struct ComputeRoofs {
  double gemm = 0;         // 2048 x 2048 by 2048 x 2048
  double convolution = 0;  // 3x3, 128 to 128 channels, 8 images of 64x64, channels_last
};

// What this machine reaches with the threads that are set.
struct MachineRoofs {
  ComputeRoofs fp32;
  std::optional<ComputeRoofs> bf16;
  double copy = 0;  // bytes a second, read and written, of a copy that no cache holds
};

// Seconds of the fastest of at least 5 runs, behind one that is not timed, and of as many more as fit into `budget`
// seconds; where 5 would take several budgets, of fewer.
double fastest_run(const std::function<void()>& run, double budget);

// Measures them, each by the fastest of the runs that `seconds` allow.
MachineRoofs measure_roofs(bool with_bf16, double seconds = 0.15);

// {"fp32": {"gemm", "convolution"}, "bf16": the same or null, "copy"}
nlohmann::ordered_json to_json(const MachineRoofs& roofs);

}  // namespace cigli
