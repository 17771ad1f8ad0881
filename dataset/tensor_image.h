#pragma once

#include <torch/types.h>

#include <cstdint>
#include <vector>

#include "dataset/image.h"

namespace cigli {

// [3,H,W] float32 in [-1,1]: value = pixel / 127.5 - 1.
torch::Tensor to_tensor(const Image& image);
// Back: rounds to nearest, clamps. Takes any float dtype and layout; throws c10::Error unless [3,H,W].
Image to_image(const torch::Tensor& tensor);
// [B,3,H,W] of uint8 HWC pixels that all have the same size; channels_last memory, `dtype` float32 or bfloat16.
torch::Tensor to_batch(const std::vector<const std::uint8_t*>& pixels, std::int64_t height, std::int64_t width,
                       torch::Dtype dtype = torch::kFloat32);

}  // namespace cigli
