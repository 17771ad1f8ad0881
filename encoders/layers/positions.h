#pragma once

#include <torch/torch.h>

#include <cstdint>

namespace cigli {

// Fourier features of the cells' centres, which lie on [0,1] x [0,1] whatever the grid: [height*width, 4*bands], sines
// and cosines of pi 2^i x and pi 2^i y.
torch::Tensor grid_positions(std::int64_t height, std::int64_t width, std::int64_t bands);

// Sines and cosines of a scalar [B] at `width`/2 geometric frequencies between 1 and 1000 (Vaswani et al. 2017):
// [B,width] float32.
torch::Tensor scalar_embedding(const torch::Tensor& t, std::int64_t width);

}  // namespace cigli
