#pragma once

#include <cstdint>

#include "runtime/options.h"

namespace cigli {

// How a flow teaches a flow map (training/distillation.h).
struct DistillationOptions {
  std::int64_t teacher_steps = 16;
  double guidance_text = 3, guidance_image = 2;
  double own_guidance = 0.5;
  double whole = 0.5;
  void visit(Fields& f);
};

}  // namespace cigli
