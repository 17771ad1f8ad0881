#pragma once

#include <torch/torch.h>

#include <cstdint>

#include "encoders/image_encoder.h"
#include "encoders/text_encoder.h"
#include "fusion/fusion.h"

namespace cigli {

struct PairScorerOptions {
  TextEncoderOptions text;
  ImageEncoderOptions image;
  FusionOptions fusion;     // its `inputs` say what the scorer sees: both, text-only, image-only
  std::int64_t width = 48;  // channels of a cell that queries and keys are compared by
  PairScorerOptions();
};

// Does this target belong to this (text, prompt)? The query says, cell by cell, what a target should look like; the
// key, what one does. The query starts as the prompt's own key, for the target is often much like the prompt, and what
// fusion has made of both inputs is added to it.
struct PairScorerImpl : torch::nn::Module {
  PairScorerImpl(const PairScorerOptions& options, std::int64_t vocabulary);

  // Targets [B,3,H,W] in [-1,1] to keys [B,C,h,w], a cell a patch of the image encoder.
  torch::Tensor key(const torch::Tensor& target) { return key(image->forward(target)); }
  torch::Tensor key(const ImageMaps& of_target) { return project(of_target.tokens); }
  // Text and prompts [B,3,Hp,Wp] to queries [B,C,h,w] for targets of h x w cells.
  torch::Tensor query(const TokenBatch& text, const torch::Tensor& prompt, std::int64_t height, std::int64_t width);

  PairScorerOptions options;
  TextEncoder text;
  ImageEncoder image;
  Fusion fusion;
  torch::nn::Conv2d project;  // features of an image to its key
  torch::Tensor gain;         // [C,1,1], of the prompt's key within the query
  torch::nn::Linear positions, pooled;
  torch::nn::Conv2d map, out;
};
TORCH_MODULE(PairScorer);

// How well each of N queries [N,C,h,w] fits each of M keys [M,C,h,w]: their inner products over sqrt(C), summed over
// the cells, [N,M] float32.
torch::Tensor pair_scores(const torch::Tensor& queries, const torch::Tensor& keys);

// Mean of -log softmax over each row's candidates at its own, where query i belongs to key i (InfoNCE, van den Oord et
// al. 2018, eq. 4). scores [N,N] float32; `same` [N,N] bool marks candidates that are the row's own target once more,
// which are left out; its diagonal counts for nothing.
torch::Tensor contrastive_loss(const torch::Tensor& scores, const torch::Tensor& same);

}  // namespace cigli
