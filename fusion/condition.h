#pragma once

#include <torch/types.h>

#include <cstdint>

namespace cigli {

struct ConditionWidths {
  std::int64_t tokens = 0, pooled = 0, details = 0;  // D, E and F
};

// What a decoder is conditioned on, whatever made it.
struct Condition {
  torch::Tensor tokens;  // [B,M,D] for attention
  torch::Tensor mask;    // [B,M] bool, true = attend
  torch::Tensor pooled;  // [B,E] for modulation
  torch::Tensor map;     // [B,D,h,w] what fusion made of each cell of the image prompt, for adding where it stands
  // The image prompt itself, 0 where it is dropped.
  torch::Tensor details;  // [B,F,h',w'] its features, finer than the map
  torch::Tensor prompt;   // [B,3,H,W] its pixels at the target's size
};

}  // namespace cigli
