#pragma once

#include <torch/types.h>

#include <cstdint>

namespace cigli {

// Channels of a Condition's members; 0: this fusion does not give that member, its tensor is undefined.
struct ConditionWidths {
  std::int64_t tokens = 0, pooled = 0, map = 0, details = 0, prompt = 0;  // D, E, C, F, and 3
};

// What a decoder is conditioned on, whatever made it. Every fusion gives `pooled`; a decoder makes do without the rest.
struct Condition {
  torch::Tensor tokens;  // [B,M,D] for attention
  torch::Tensor mask;    // [B,M] bool, true = attend; beside tokens
  torch::Tensor pooled;  // [B,E] for modulation
  torch::Tensor map;     // [B,C,h,w] what fusion made of each cell of the image prompt, for adding where it stands
  // The image prompt itself, 0 where it is dropped.
  torch::Tensor details;  // [B,F,h',w'] its features, finer than the map
  torch::Tensor prompt;   // [B,3,H,W] its pixels at the target's size
};

}  // namespace cigli
