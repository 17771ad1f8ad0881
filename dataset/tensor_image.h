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
// [B,3,H,W] of uint8 HWC pixels that all have the same size; channels_last memory, float32 or bfloat16, on any device,
// to which they go as bytes, in the order of its current stream.
torch::Tensor to_batch(const std::vector<const std::uint8_t*>& pixels, std::int64_t height, std::int64_t width,
                       const torch::TensorOptions& options = {});
// Back, as to_image does: from [B,3,H,W] on any device, from which they come as bytes.
std::vector<Image> to_images(const torch::Tensor& batch);

}  // namespace cigli
