#pragma once

#include <torch/torch.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace cigli {

// [B,C,H,W] <-> [B,HW,C]; a view when the map is channels_last.
torch::Tensor to_tokens(const torch::Tensor& map);
torch::Tensor to_map(const torch::Tensor& tokens, std::int64_t height, std::int64_t width);

// Pixels a side of a cell of the coarsest of so many feature maps, each of half the resolution of the one before, the
// first with `finest` pixels a cell. Throws Error, naming `key`, for none and for more than 12.
std::int64_t coarsest_cell(const std::string& key, std::int64_t finest, std::size_t resolutions);

// [B,C,H,W] to [B,C,height,width], bilinear and antialiased; the map itself where the size is right already.
torch::Tensor resized(const torch::Tensor& map, std::int64_t height, std::int64_t width);

}  // namespace cigli
