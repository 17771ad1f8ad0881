#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <vector>

#include "decoder/denoiser.h"
#include "encoders/layers/linear.h"
#include "encoders/layers/residual_block.h"

namespace cigli {

// The image's own tokens attend to themselves and to the condition's, if it has any: x [B,C,h,w] -> [B,C,h,w],
// residual.
struct ConditionAttentionImpl : torch::nn::Module {
  ConditionAttentionImpl(std::int64_t channels, std::int64_t condition_width, std::int64_t heads, std::int64_t group);
  // `keys_values` [B,M,2C] of the condition's tokens, which `mask` [B,M] is of; undefined where it has none.
  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& keys_values, const torch::Tensor& mask);
  std::int64_t heads;
  AdaptiveGroupNorm norm;
  torch::nn::Linear qkv, condition_kv{nullptr}, out;
};
TORCH_MODULE(ConditionAttention);

// Residual block, then attention where there is one.
struct UNetStageImpl : torch::nn::Module {
  UNetStageImpl(const ResidualBlockOptions& options, std::int64_t condition_width, std::int64_t heads, bool attends);
  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& embedding, const torch::Tensor& keys_values,
                        const torch::Tensor& mask);
  ResidualBlock residual;
  ConditionAttention attention{nullptr};
};
TORCH_MODULE(UNetStage);

// U-Net on patches (after Ho et al. 2020): patches of x and of the image prompt in, and the prompt's detailed features;
// residual blocks at each resolution, attention with learned positions and the condition's map at the coarsest, time
// and pooled condition as FiLM. It draws over the prompt, whose pixels need not pass through the patches then. What a
// condition does not give is left out. A flow map of fresh jump layers is the flow it was made of, whose lines it
// follows.
struct UNetImpl : DenoiserImpl {
  UNetImpl(const DecoderOptions& options, const ConditionWidths& condition, std::int64_t height, std::int64_t width);
  torch::Tensor forward(const torch::Tensor& x, const FlowPoint& at, const ReadCondition& condition) override;
  ReadCondition read(const Condition& condition) override;

  DecoderOptions options;
  std::int64_t height, width;  // of the finest feature map
  torch::nn::Linear time1, time2, pooled;
  torch::nn::Linear jump1{nullptr}, jump2{nullptr};  // of a flow map: how far, guided by how much; starts at zero
  Conv3x3 in;
  torch::nn::Conv2d details_in{nullptr}, map_in{nullptr};
  torch::nn::ModuleList down, shrink;  // shrink[r]: resolution r -> r+1
  torch::Tensor positions;             // [C,h,w] at the coarsest resolution
  torch::nn::ModuleList grow, merge, up;
  Conv3x3 out;

 private:
  // The share of the convolution `in` that patches of these pixels [B,3,H,W] have: [B,C,h,w]. They stand at its first
  // channels and bring its bias, or, not `first`, at its last.
  torch::Tensor of_patches(const torch::Tensor& pixels, bool first);
  WinogradConvolution in_noise, in_prompt;  // those shares
};

}  // namespace cigli
