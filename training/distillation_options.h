#pragma once

#include <cstdint>

#include "runtime/options.h"

namespace cigli {

// How a flow teaches a flow map (training/distillation.h).
struct DistillationOptions {
  std::int64_t teacher_steps = 8, jumps = 3;
  double to_image = 0.6, from_noise = 0.4;
  double guidance_text = 3, guidance_image = 2;
  double own_guidance = 0.5;
  void visit(Fields& f);
};

}  // namespace cigli
