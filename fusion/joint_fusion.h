#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <utility>

#include "encoders/layers/attention.h"
#include "fusion/fusion.h"

namespace cigli {

// One modality's weights in a joint block.
struct ModalityImpl : torch::nn::Module {
  explicit ModalityImpl(const TransformerBlockOptions& options);
  torch::nn::LayerNorm norm1, norm2;
  torch::nn::Linear qkv, out;
  FeedForward feed_forward;
};
TORCH_MODULE(Modality);

// Text and image tokens attend to all of both, each through weights of its own (MM-DiT, Esser et al. 2024, fig. 2b,
// without the modulation by time: a condition is computed once a request). text [B,T,D], image [B,N,D], mask [B,T+N].
struct JointBlockImpl : torch::nn::Module {
  explicit JointBlockImpl(const TransformerBlockOptions& options);
  std::pair<torch::Tensor, torch::Tensor> forward(const torch::Tensor& text, const torch::Tensor& image,
                                                  const torch::Tensor& mask);
  std::int64_t heads;
  Modality text, image;
};
TORCH_MODULE(JointBlock);

struct JointFusionImpl : FusionImpl {
  JointFusionImpl(const FusionOptions& options, const FeatureWidths& widths);
  ConditionWidths widths() const override {
    return {options.width, 4 * options.width, options.width, details_width, 3};
  }
  // Tokens: the text's own, M = T; behind them the fused image's, M = T + N, where the prompt's aspect is not the
  // target's, since its cells stand nowhere in the target then. Map: the image's tokens after the blocks, each having
  // read the text and the other cells. Pooled, E = 4 D: the largest value of 2 D features over the text's own tokens,
  // and over those that have read the image.
  Condition forward(const TextFeatures& text, const ImageFeatures& image, const Visible& visible) override;

  FusionOptions options;
  std::int64_t details_width;
  torch::nn::Linear text_in, image_in;
  torch::Tensor null_text, null_image;  // [D]
  torch::nn::ModuleList blocks;
  torch::nn::LayerNorm norm, text_norm, image_norm;  // of the text's own tokens; of both after the blocks
  torch::nn::Linear pool, pool_fused;
};

}  // namespace cigli
