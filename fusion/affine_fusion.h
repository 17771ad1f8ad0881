#pragma once

#include <torch/torch.h>

#include <cstdint>

#include "encoders/layers/linear.h"
#include "fusion/fusion.h"

namespace cigli {

// What one block reads: words [B,T,D] with their mask [B,T], and the prompt's own features [B,D,h,w].
struct AffineInputs {
  torch::Tensor words, mask, image;
};

// Every region of h [B,D,h,w] attends to the words and takes in what it read (AttnGAN, Xu et al. 2018, eq. 8-9: F(h,
// c), c_j = sum_i softmax_i(h_j . e_i) e_i); then the prompt scales and shifts it, h W(v) + b(v) with convolutions W
// and b (the affine combination of ManiGAN, Li et al. 2020, eq. 1).
struct AffineBlockImpl : torch::nn::Module {
  AffineBlockImpl(std::int64_t width, std::int64_t heads);
  torch::Tensor forward(const torch::Tensor& h, const AffineInputs& inputs);
  std::int64_t heads;
  torch::nn::LayerNorm norm;
  torch::nn::Linear query, key_value;
  Conv3x3 mix, features, combine;  // combine: W beside b
  torch::nn::Conv2d mixed;         // what mix found, so that it can be taken away as well as added
};
TORCH_MODULE(AffineBlock);

struct AffineFusionImpl : FusionImpl {
  AffineFusionImpl(const FusionOptions& options, const FeatureWidths& widths);
  ConditionWidths widths() const override {
    return {options.width, 4 * options.width, options.width, details_width, 3};
  }
  // Tokens: the text's own. Map: the blocks' h, which starts as the sentence at every region plus the prompt's features
  // there. Pooled, E = 4 D: the largest value of 2 D features over the words, and over the map's regions.
  Condition forward(const TextFeatures& text, const ImageFeatures& image, const Visible& visible) override;

  FusionOptions options;
  std::int64_t details_width;
  torch::nn::Linear text_in, image_in;
  torch::Tensor null_text, null_image;  // [D]
  torch::nn::Linear sentence;
  torch::nn::ModuleList blocks;
  torch::nn::LayerNorm text_norm, map_norm;
  torch::nn::Linear pool_text, pool_map;
};

}  // namespace cigli
