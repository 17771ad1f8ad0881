#pragma once

#include <torch/types.h>

namespace cigli {

// Mean of the tokens [B,T,D] that `mask` [B,T] bool keeps, row by row -> [B,D]; every row must keep one.
torch::Tensor masked_mean(const torch::Tensor& tokens, const torch::Tensor& mask);

}  // namespace cigli
