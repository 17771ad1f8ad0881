#pragma once

#include <optional>
#include <string>

#include "eval/efficiency/operator_call.h"

namespace cigli {

struct ReplayOptions {
  bool allow_bf16 = false;  // also try bfloat16 where the call was made in float32
  double seconds = 0.03;    // for a candidate; each takes at least 3 timed runs
};

struct ReplayedOperator {
  double seconds = 0;  // of one call alone: the least of the candidates' medians
  std::string kernel;  // which: "as recorded", "nhwc", "bf16 nchw", ...
};

// Runs the call alone through the dispatcher, warm, on tensors made anew (floating ones uniform on [-1, 1], integers 0,
// masks true), without gradients. A layer is also run with its 4-d tensors contiguous and channels_last, and with its
// floating-point tensors in the other of float32 and bfloat16. std::nullopt where it can't be made again: it throws, or
// has no operator's name.
std::optional<ReplayedOperator> replay_operator(const OperatorCall& call, const ReplayOptions& options = {});

}  // namespace cigli
