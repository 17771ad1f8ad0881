#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "eval/efficiency/operator_call.h"

namespace cigli {

// What a pass ran. Operators nest (aten::linear calls aten::addmm): layers and operators with a kernel of their own are
// recorded as one call each, and nothing within them; others give way to the operators that they call, and are recorded
// only where they call none. Times leave out what recording takes, as far as it can be seen from within, and add up.
struct OperatorTrace {
  std::vector<OperatorCall> calls;  // in the order in which they began
  std::int64_t operators = 0;       // dispatched: the calls, and the operators that gave way to them
  double seconds = 0;               // of the pass
  double composite_seconds = 0;     // of them, in operators that gave way, beside the calls within them
  double outside_seconds = 0;       // of them, in no operator and no marked range
};

// Runs `pass` once to describe the operators that it runs on this thread and on those that autograd starts for it, and
// three times more to time them; each time is the middle one of those that ran the same operators. One at a time in a
// process: throws Error while another runs.
OperatorTrace trace_operators(const std::function<void()>& pass);

}  // namespace cigli
