#include "encoders/layers/attention.h"

#include <torch/version.h>

#include <cmath>
#include <optional>
#include <vector>

#include "encoders/layers/linear.h"

namespace cigli {

namespace nn = torch::nn;
using torch::Tensor;

Tensor scaled_dot_product(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& mask) {
  TORCH_CHECK(q.dim() == 4 && k.dim() == 4 && v.sizes() == k.sizes() && q.size(3) == k.size(3),
              "attention expects q [B,h,N,d], k and v [B,h,M,d]; got ", q.sizes(), ", ", k.sizes(), ", ", v.sizes());
#if TORCH_VERSION_MAJOR >= 2  // fused from there on
  std::optional<Tensor> keep;
  if (mask.defined()) keep = mask.unsqueeze(1).unsqueeze(1);
  return at::scaled_dot_product_attention(q, k, v, keep);
#else
  const Tensor scaled = q * (1.0 / std::sqrt(static_cast<double>(q.size(3))));
  Tensor scores = torch::matmul(scaled, k.transpose(2, 3));
  if (mask.defined()) {
    const Tensor bias = torch::zeros(mask.sizes(), scores.options()).masked_fill_(mask.logical_not(), -1e4);
    scores = scores + bias.unsqueeze(1).unsqueeze(1);
  }
  return torch::matmul(torch::softmax(scores, -1), v);
#endif
}

Tensor split_heads(const Tensor& x, std::int64_t heads) {
  return x.view({x.size(0), x.size(1), heads, -1}).transpose(1, 2);
}

Tensor merge_heads(const Tensor& x) { return x.transpose(1, 2).reshape({x.size(0), x.size(2), x.size(1) * x.size(3)}); }

FeedForwardImpl::FeedForwardImpl(std::int64_t width, std::int64_t expansion)
    : in(register_module("in", linear_layer(width, width * expansion))),
      out(register_module("out", zero_linear(width * expansion, width))) {}

Tensor FeedForwardImpl::forward(const Tensor& x) { return out(torch::relu(in(x))); }

TransformerBlockImpl::TransformerBlockImpl(const TransformerBlockOptions& o)
    : heads(o.heads),
      norm1(register_module("norm1", nn::LayerNorm(nn::LayerNormOptions({o.width})))),
      norm2(register_module("norm2", nn::LayerNorm(nn::LayerNormOptions({o.width})))),
      qkv(register_module("qkv", linear_layer(o.width, 3 * o.width))),
      out(register_module("out", zero_linear(o.width, o.width))),
      feed_forward(register_module("feed_forward", FeedForward(o.width, o.expansion))) {}

Tensor TransformerBlockImpl::forward(const Tensor& x, const Tensor& mask) {
  const std::vector<Tensor> parts = qkv(norm1(x)).chunk(3, -1);
  const Tensor attended = scaled_dot_product(split_heads(parts[0], heads), split_heads(parts[1], heads),
                                             split_heads(parts[2], heads), mask);
  const Tensor y = x + out(merge_heads(attended));
  return y + feed_forward(norm2(y));
}

}  // namespace cigli
