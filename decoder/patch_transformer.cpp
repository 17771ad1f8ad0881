#include "decoder/patch_transformer.h"

#include <vector>

#include "encoders/layers/positions.h"
#include "encoders/layers/residual_block.h"

namespace cigli {

namespace nn = torch::nn;
using torch::Tensor;

namespace {

constexpr std::int64_t kTimeWidth = 128;
constexpr std::int64_t kEmbedding = 256;

nn::LayerNorm plain_norm(std::int64_t width) {
  return nn::LayerNorm(nn::LayerNormOptions({width}).elementwise_affine(false));
}

}  // namespace

ModulatedBlockImpl::ModulatedBlockImpl(const TransformerBlockOptions& o, std::int64_t condition_width,
                                       std::int64_t embedding)
    : heads(o.heads),
      norm1(register_module("norm1", plain_norm(o.width))),
      norm2(register_module("norm2", plain_norm(o.width))),
      modulation(register_module("modulation", zero_linear(embedding, 4 * o.width))),
      qkv(register_module("qkv", nn::Linear(o.width, 3 * o.width))),
      condition_kv(register_module("condition_kv", nn::Linear(condition_width, 2 * o.width))),
      out(register_module("out", zero_linear(o.width, o.width))),
      feed_forward(register_module("feed_forward", FeedForward(o.width, o.expansion))) {}

Tensor ModulatedBlockImpl::forward(const Tensor& x, const Tensor& embedding, const Condition& condition) {
  const std::vector<Tensor> m = modulation(embedding).unsqueeze(1).chunk(4, -1);
  const std::vector<Tensor> own = qkv(torch::addcmul(m[1], norm1(x), m[0] + 1)).chunk(3, -1);
  const std::vector<Tensor> other = condition_kv(condition.tokens).chunk(2, -1);
  const Tensor k = torch::cat({own[1], other[0]}, 1), v = torch::cat({own[2], other[1]}, 1);
  const Tensor mask = torch::cat({torch::ones({x.size(0), x.size(1)}, torch::kBool), condition.mask}, 1);
  const Tensor y = x + out(merge_heads(scaled_dot_product(split_heads(own[0], heads), split_heads(k, heads),
                                                          split_heads(v, heads), mask)));
  return y + feed_forward(torch::addcmul(m[3], norm2(y), m[2] + 1));
}

PatchTransformerImpl::PatchTransformerImpl(const DecoderOptions& o, std::int64_t condition_width, std::int64_t height,
                                           std::int64_t width)
    : options(o),
      time1(register_module("time1", nn::Linear(kTimeWidth, kEmbedding))),
      time2(register_module("time2", nn::Linear(kEmbedding, kEmbedding))),
      pooled(register_module("pooled", nn::Linear(condition_width, kEmbedding))),
      in(register_module("in", nn::Linear(3 * o.patch * o.patch + condition_width, o.widths[0]))),
      positions(
          register_parameter("positions", 0.02 * torch::randn({(height / o.patch) * (width / o.patch), o.widths[0]}))),
      blocks(register_module("blocks", nn::ModuleList())),
      norm(register_module("norm", nn::LayerNorm(nn::LayerNormOptions({o.widths[0]})))),
      out(register_module("out", nn::Linear(o.widths[0], 3 * o.patch * o.patch))) {
  TORCH_CHECK(o.widths.size() == 1, "the patch transformer has one resolution; decoder.widths names ", o.widths.size());
  for (std::int64_t i = 0; i < o.blocks[0]; ++i)
    blocks->push_back(ModulatedBlock(TransformerBlockOptions{o.widths[0], o.heads}, condition_width, kEmbedding));
}

Tensor PatchTransformerImpl::forward(const Tensor& x, const Tensor& t, const Condition& condition) {
  TORCH_CHECK(x.dim() == 4 && x.size(1) == 3 && t.dim() == 1 && t.size(0) == x.size(0),
              "the patch transformer expects x [B,3,H,W] and t [B]; got ", x.sizes(), " and ", t.sizes());
  const Tensor embedding =
      torch::relu(time2(torch::relu(time1(scalar_embedding(t, kTimeWidth).to(x.dtype())))) + pooled(condition.pooled));
  const Tensor patches = torch::cat({torch::pixel_unshuffle(x, options.patch), condition.map}, 1);
  Tensor y = in(to_tokens(patches)) + positions;
  for (const auto& block : *blocks) y = block->as<ModulatedBlock>()->forward(y, embedding, condition);
  const Tensor image = to_map(out(norm(y)), x.size(2) / options.patch, x.size(3) / options.patch);
  return torch::pixel_shuffle(image, options.patch);
}

}  // namespace cigli
