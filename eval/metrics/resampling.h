#pragma once

#include <torch/types.h>

#include <string>

namespace cigli {

// How images come to the size that a feature extractor takes. Distances between features move with it by more than
// between many models (Parmar, Zhang & Zhu 2022), so it is chosen by name and recorded.
enum class Resampling {
  tf1_bilinear,    // TensorFlow 1: source = i in / out, no half pixels, no antialiasing (torch-fidelity)
  torch_bilinear,  // half pixels, no antialiasing (pytorch-fid)
  clean            // Pillow's antialiased bicubic in float, clipped to [0, 255] (clean-fid)
};
const std::string& name(Resampling resampling);
Resampling resampling_named(const std::string& name);  // throws Error for another name

// Images [B,3,H,W] with values in [0,255] to [B,3,height,width] float32.
torch::Tensor resample(const torch::Tensor& images, std::int64_t height, std::int64_t width, Resampling how);

// Pillow's resize with its 8-bit rounding after either pass, as CLIP's preprocessing has it (bicubic): uint8 [B,3,H,W].
torch::Tensor resample_bicubic_bytes(const torch::Tensor& images, std::int64_t height, std::int64_t width);

}  // namespace cigli
