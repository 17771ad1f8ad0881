#pragma once

#include <algorithm>
#include <cstdint>

#include "runtime/options.h"

namespace cigli {

struct ScheduleOptions {
  double learning_rate = 1e-3;
  std::int64_t warmup = 200;
  double flat = 0.4;
  void visit(Fields& f) {
    f("learning_rate", learning_rate, "learning rate after warm-up", Range{0});
    f("warmup", warmup, "steps over which the learning rate rises from 0", Range{0});
    f("flat", flat, "share of the training after which the learning rate falls linearly to 0", Range{0, 1});
  }
};

// Learning rate of step `step` (the first is 0) when the share `progress` in [0,1] of the training lies behind it:
// linear warm-up, flat, linear to 0.
inline double learning_rate_at(const ScheduleOptions& options, std::int64_t step, double progress) {
  const double warm = options.warmup > 0 ? std::min(1.0, static_cast<double>(step + 1) / options.warmup) : 1.0;
  const double decay = progress <= options.flat ? 1.0 : std::max(0.0, (1 - progress) / (1 - options.flat));
  return options.learning_rate * warm * decay;
}

}  // namespace cigli
