#pragma once

#include <torch/torch.h>

namespace cigli {

// Lays the convolutions' weights out as the CPU's kernels want them, channels innermost. Before an Optimizer is made of
// the parameters.
void use_channels_last(torch::nn::Module& network);

}  // namespace cigli
