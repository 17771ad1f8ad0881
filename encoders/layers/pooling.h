#pragma once

#include <torch/types.h>

namespace cigli {

// Each feature's largest value among the tokens [B,T,D] that `mask` [B,T] bool keeps -> [B,D]; every row must keep one,
// and values lie above -1e4, in the range of every type that networks compute in.
// (A maximum lets a single word speak at full strength, a mean divides it by the length of the sentence.)
torch::Tensor masked_max(const torch::Tensor& tokens, const torch::Tensor& mask);

}  // namespace cigli
