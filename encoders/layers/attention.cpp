#include "encoders/layers/attention.h"

#include <ATen/Parallel.h>
#include <ATen/record_function.h>
#include <torch/version.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "encoders/layers/attention_kernel.h"
#include "encoders/layers/linear.h"

namespace cigli {

namespace nn = torch::nn;
using torch::Tensor;

namespace {

// Without gradients, in float32: without copies of q, k and v, and without the scores of all queries at once.
Tensor attend(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& mask) {
  RECORD_FUNCTION("cigli::attention", std::vector<c10::IValue>({q, k, v}));  // for `cigli tax`
  const std::int64_t batch = q.size(0), heads = q.size(1), queries = q.size(2), keys = k.size(2), width = q.size(3);
  Tensor attended = torch::empty({batch, queries, heads, width}, q.options());
  const AttentionKernel kernel{queries, keys, width, q.stride(2), k.stride(2), v.stride(2), attended.stride(1)};
  Tensor bias = torch::zeros({batch, kernel.padded_keys()});
  if (mask.defined()) bias.slice(1, 0, keys).masked_fill_(mask.logical_not(), -1e4);
  const float scale = 1 / std::sqrt(static_cast<float>(width));
  const auto head = [](const Tensor& of, std::int64_t image, std::int64_t number, std::int64_t axis) {
    return of.data_ptr<float>() + image * of.stride(0) + number * of.stride(axis);
  };
  at::parallel_for(0, batch * heads, 1, [&](std::int64_t begin, std::int64_t end) {
    thread_local std::vector<float> scratch;
    scratch.resize(std::max(scratch.size(), static_cast<std::size_t>(kernel.scratch())));
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t b = i / heads, h = i % heads;
      kernel.attend(head(q, b, h, 1), head(k, b, h, 1), head(v, b, h, 1), scale, head(bias, b, 0, 1), scratch.data(),
                    head(attended, b, h, 2));
    }
  });
  return attended.transpose(1, 2);
}

}  // namespace

Tensor scaled_dot_product(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& mask) {
  TORCH_CHECK(q.dim() == 4 && k.dim() == 4 && v.sizes() == k.sizes() && q.size(3) == k.size(3),
              "attention expects q [B,h,N,d], k and v [B,h,M,d]; got ", q.sizes(), ", ", k.sizes(), ", ", v.sizes());
  const auto plain = [](const Tensor& each) {
    return each.device().is_cpu() && each.scalar_type() == torch::kFloat32 && each.stride(3) == 1;
  };
  if (!torch::GradMode::is_enabled() && plain(q) && plain(k) && plain(v) && k.size(2) > 0) return attend(q, k, v, mask);
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
