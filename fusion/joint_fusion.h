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
  JointFusionImpl(const FusionOptions& options, std::int64_t text_width, std::int64_t image_width);
  // M = T + N; the map is the image's, projected to D.
  Condition forward(const TextFeatures& text, const ImageFeatures& image, const Visible& visible) override;

  FusionOptions options;
  torch::nn::Linear text_in, image_in;
  torch::nn::Conv2d map_in;
  torch::Tensor null_text, null_image;  // [D]
  torch::Tensor null_map;               // [D,1,1]
  torch::nn::ModuleList blocks;
  torch::nn::LayerNorm norm;
  torch::nn::Linear pool;
};

}  // namespace cigli
