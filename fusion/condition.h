#pragma once

#include <torch/types.h>

namespace cigli {

// What a decoder is conditioned on, whatever made it.
struct Condition {
  torch::Tensor tokens;  // [B,M,D] for attention
  torch::Tensor mask;    // [B,M] bool, true = attend
  torch::Tensor pooled;  // [B,D] for modulation
  torch::Tensor map;     // [B,D,h,w] on the target's patch grid, for concatenation
};

}  // namespace cigli
