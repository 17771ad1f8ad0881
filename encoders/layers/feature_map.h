#pragma once

#include <torch/torch.h>

#include <cstdint>

namespace cigli {

// [B,C,H,W] <-> [B,HW,C]; a view when the map is channels_last.
torch::Tensor to_tokens(const torch::Tensor& map);
torch::Tensor to_map(const torch::Tensor& tokens, std::int64_t height, std::int64_t width);

// [B,C,H,W] to [B,C,height,width], bilinear and antialiased; the map itself where the size is right already.
torch::Tensor resized(const torch::Tensor& map, std::int64_t height, std::int64_t width);

}  // namespace cigli
