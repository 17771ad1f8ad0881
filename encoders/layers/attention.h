#pragma once

#include <torch/torch.h>

#include <cstdint>

namespace cigli {

// softmax(q k^T / sqrt(d)) v (Vaswani et al. 2017, eq. 1) on q [B,h,N,d], k and v [B,h,M,d]. `mask` [B,M] bool, true =
// attend (undefined: all); every row must attend to something.
torch::Tensor scaled_dot_product(const torch::Tensor& q, const torch::Tensor& k, const torch::Tensor& v,
                                 const torch::Tensor& mask = {});

// [B,N,D] -> [B,heads,N,D/heads] and back.
torch::Tensor split_heads(const torch::Tensor& x, std::int64_t heads);
torch::Tensor merge_heads(const torch::Tensor& x);

struct TransformerBlockOptions {
  std::int64_t width = 128;
  std::int64_t heads = 4;
  std::int64_t expansion = 4;
};

// Two-layer perceptron with ReLU: [..., D] -> [..., D]. Its last layer starts at zero.
struct FeedForwardImpl : torch::nn::Module {
  FeedForwardImpl(std::int64_t width, std::int64_t expansion);
  torch::Tensor forward(const torch::Tensor& x);
  torch::nn::Linear in, out;
};
TORCH_MODULE(FeedForward);

// Pre-norm transformer block with self-attention: x [B,N,D], mask [B,N] bool -> [B,N,D].
struct TransformerBlockImpl : torch::nn::Module {
  explicit TransformerBlockImpl(const TransformerBlockOptions& options);
  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& mask);
  std::int64_t heads;
  torch::nn::LayerNorm norm1, norm2;
  torch::nn::Linear qkv, out;
  FeedForward feed_forward;
};
TORCH_MODULE(TransformerBlock);

}  // namespace cigli
