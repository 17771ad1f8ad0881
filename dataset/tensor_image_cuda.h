#pragma once

#include <torch/types.h>

namespace cigli {

// Pixels to values and back (decoder/cuda/pixel_kernel.h) on a GPU, of contiguous tensors of any shape, on its current
// stream; only where built with CIGLI_CUDA. c10::Error where they can't be started.
torch::Tensor units_on_gpu(const torch::Tensor& pixels, torch::Dtype dtype);  // float32 or bfloat16
torch::Tensor pixels_on_gpu(const torch::Tensor& units);                      // of any type

}  // namespace cigli
