#pragma once

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

// Measures them: the best of at least 5 timings each, and of as many more as fit into `seconds`; where one run is so
// slow that 5 take several times as long, of fewer.
MachineRoofs measure_roofs(bool with_bf16, double seconds = 0.15);

// {"fp32": {"gemm", "convolution"}, "bf16": the same or null, "copy"}
nlohmann::ordered_json to_json(const MachineRoofs& roofs);

}  // namespace cigli
