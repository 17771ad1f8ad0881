#pragma once

#include <torch/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace cigli {

// Pairs as the model sees them.
struct Batch {
  std::vector<std::string> ids, texts;
  torch::Tensor prompt;  // [B,3,Hp,Wp] in [-1,1]
  torch::Tensor target;  // [B,3,H,W] in [-1,1]
};

}  // namespace cigli
