#pragma once

#include <torch/types.h>

#include <cstdint>

#include "fusion/fusion.h"

namespace cigli {

// Whether each row of `text_mask` [B,T] sees its text and its image, [B] bool on its device: what the caller lets it
// see (undefined: all), and of that what FusionOptions::inputs names ("both", "text-only", "image-only").
Visible seen_inputs(const Visible& visible, const std::string& inputs, const torch::Tensor& text_mask);

// The places [B,T] that words stand at: a row whose text is dropped keeps its first, for a null token.
torch::Tensor seen_words(const torch::Tensor& mask, const torch::Tensor& text_seen);

// c10::Error unless text is [B,T,D], the image map [B,D,h,w] and the pixels [B,3,H,W].
void check_inputs(const TextFeatures& text, const ImageFeatures& image);

}  // namespace cigli
