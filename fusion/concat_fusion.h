#pragma once

#include <torch/torch.h>

#include <cstdint>

#include "fusion/fusion.h"

namespace cigli {

// Sentence and image prompt as one vector each, side by side: the condition of a text-to-image GAN that modulates by
// the sentence's embedding (DF-GAN, Tao et al. 2022), with the prompt's embedding added to it. Where something stands
// in the prompt is lost but for what the embedding keeps of it.
struct ConcatFusionImpl : FusionImpl {
  ConcatFusionImpl(const FusionOptions& options, const FeatureWidths& widths);
  ConditionWidths widths() const override { return {0, 2 * options.width, 0, 0, 0}; }
  // Pooled alone, E = 2 D: each feature's largest value over the text's tokens and over the image's, each through a
  // projection.
  Condition forward(const TextFeatures& text, const ImageFeatures& image, const Visible& visible) override;

  FusionOptions options;
  torch::nn::Linear text_in, image_in;
  torch::Tensor null_text, null_image;  // [D]
};

}  // namespace cigli
