#pragma once

#include <torch/torch.h>

#include <cstdint>

#include "decoder/denoiser.h"
#include "encoders/layers/attention.h"

namespace cigli {

// Transformer block whose tokens also attend to the condition's, modulated by an embedding [B,E] (adaLN-zero, Peebles
// and Xie 2023): x [B,N,D] -> [B,N,D].
struct ModulatedBlockImpl : torch::nn::Module {
  ModulatedBlockImpl(const TransformerBlockOptions& options, std::int64_t condition_width, std::int64_t embedding);
  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& embedding, const Condition& condition);
  std::int64_t heads;
  torch::nn::LayerNorm norm1, norm2;
  torch::nn::Linear modulation, qkv, condition_kv, out;
  FeedForward feed_forward;
};
TORCH_MODULE(ModulatedBlock);

// Patch transformer (DiT) at one resolution: patches of x and the condition's map in, blocks[0] blocks of widths[0].
struct PatchTransformerImpl : DenoiserImpl {
  PatchTransformerImpl(const DecoderOptions& options, std::int64_t condition_width, std::int64_t height,
                       std::int64_t width);
  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& t, const Condition& condition) override;

  DecoderOptions options;
  torch::nn::Linear time1, time2, pooled, in;
  torch::Tensor positions;  // [N,D]
  torch::nn::ModuleList blocks;
  torch::nn::LayerNorm norm;
  torch::nn::Linear out;
};

}  // namespace cigli
