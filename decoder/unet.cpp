#include "decoder/unet.h"

#include "encoders/layers/attention.h"
#include "encoders/layers/feature_map.h"
#include "encoders/layers/positions.h"

namespace cigli {

namespace nn = torch::nn;
using torch::Tensor;

namespace {

constexpr std::int64_t kTimeWidth = 128;
constexpr std::int64_t kEmbedding = 256;
constexpr std::int64_t kUpBlocks = 2;  // residual blocks a resolution on the way up

}  // namespace

ConditionAttentionImpl::ConditionAttentionImpl(std::int64_t channels, std::int64_t condition_width, std::int64_t heads,
                                               std::int64_t group)
    : heads(heads),
      norm(register_module("norm", AdaptiveGroupNorm(channels, group, false))),
      qkv(register_module("qkv", linear_layer(channels, 3 * channels))),
      out(register_module("out", zero_linear(channels, channels))) {
  if (condition_width > 0) condition_kv = register_module("condition_kv", linear_layer(condition_width, 2 * channels));
}

Tensor ConditionAttentionImpl::forward(const Tensor& x, const Tensor& keys_values, const Tensor& other_mask) {
  const std::int64_t cells = x.size(2) * x.size(3);
  const std::vector<Tensor> own = qkv(to_tokens(norm(x))).chunk(3, -1);
  Tensor k = own[1], v = own[2], mask;
  if (keys_values.defined()) {
    const std::vector<Tensor> other = keys_values.chunk(2, -1);
    k = torch::cat({k, other[0]}, 1);
    v = torch::cat({v, other[1]}, 1);
    mask = torch::cat({torch::ones({x.size(0), cells}, other_mask.options()), other_mask}, 1);
  }
  const Tensor attended =
      scaled_dot_product(split_heads(own[0], heads), split_heads(k, heads), split_heads(v, heads), mask);
  return x + to_map(out(merge_heads(attended)), x.size(2), x.size(3));
}

UNetStageImpl::UNetStageImpl(const ResidualBlockOptions& o, std::int64_t condition_width, std::int64_t heads,
                             bool attends)
    : residual(register_module("residual", ResidualBlock(o))) {
  if (attends)
    attention = register_module("attention", ConditionAttention(o.channels, condition_width, heads, o.group));
}

Tensor UNetStageImpl::forward(const Tensor& x, const Tensor& embedding, const Tensor& keys_values, const Tensor& mask) {
  const Tensor y = residual(x, embedding);
  return attention.is_empty() ? y : attention(y, keys_values, mask);
}

UNetImpl::UNetImpl(const DecoderOptions& o, const ConditionWidths& condition, std::int64_t image_height,
                   std::int64_t image_width)
    : options(o),
      height(image_height / o.patch),
      width(image_width / o.patch),
      time1(register_module("time1", linear_layer(kTimeWidth, kEmbedding))),
      time2(register_module("time2", linear_layer(kEmbedding, kEmbedding))),
      pooled(register_module("pooled", linear_layer(condition.pooled, kEmbedding))),
      in(register_module("in", conv3x3((3 + condition.prompt) * o.patch * o.patch, o.widths[0]))),
      down(register_module("down", nn::ModuleList())),
      shrink(register_module("shrink", nn::ModuleList())),
      grow(register_module("grow", nn::ModuleList())),
      merge(register_module("merge", nn::ModuleList())),
      up(register_module("up", nn::ModuleList())),
      out(register_module("out", conv3x3(o.widths[0], (condition.prompt > 0 ? 4 : 3) * o.patch * o.patch))) {
  if (o.flow_map) {
    jump1 = register_module("jump1", linear_layer(3 * kTimeWidth, kEmbedding));
    jump2 = register_module("jump2", zero_linear(kEmbedding, kEmbedding));
  }
  if (condition.details > 0) details_in = register_module("details_in", conv1x1(condition.details, o.widths[0]));
  if (condition.map > 0) {
    map_in = register_module("map_in", conv1x1(condition.map, o.widths.back()));
    nn::init::zeros_(map_in->weight);
    nn::init::zeros_(map_in->bias);
  }
  const std::size_t coarsest = o.widths.size() - 1;
  for (std::size_t r = 0; r <= coarsest; ++r) {
    const ResidualBlockOptions block{o.widths[r], kEmbedding, o.group};
    for (std::int64_t i = 0; i < o.blocks[r]; ++i)
      down->push_back(UNetStage(block, condition.tokens, o.heads, r == coarsest));
    if (r == coarsest) break;
    shrink->push_back(conv3x3(o.widths[r], o.widths[r + 1], 2));
    grow->push_back(conv1x1(o.widths[r + 1], 4 * o.widths[r]));
    merge->push_back(conv1x1(2 * o.widths[r], o.widths[r]));
    for (std::int64_t i = 0; i < kUpBlocks; ++i) up->push_back(UNetStage(block, condition.tokens, o.heads, false));
  }
  const std::int64_t cell = o.patch << coarsest;
  positions =
      register_parameter("positions", small_weights({o.widths[coarsest], image_height / cell, image_width / cell}));
}

Tensor UNetImpl::of_patches(const Tensor& pixels, bool first) {
  const Tensor patches = torch::pixel_unshuffle(pixels, options.patch).contiguous(torch::MemoryFormat::ChannelsLast);
  const std::int64_t channels = patches.size(1), all = in->weight.size(1);
  const Tensor weight =
      channels == all ? in->weight : in->weight.slice(1, first ? 0 : all - channels, first ? channels : all);
  const Tensor bias = first ? in->bias : torch::zeros_like(in->bias);
  if (!winograd_fits(patches, weight)) return torch::conv2d(patches, weight, bias, 1, 1);
  return (first ? in_noise : in_prompt)(patches, weight, bias);
}

ReadCondition UNetImpl::read(const Condition& condition) {
  ReadCondition read{condition, pooled(condition.pooled), {}, positions.unsqueeze(0), {}};
  if (condition.prompt.defined()) read.cells = of_patches(condition.prompt, false);
  if (!details_in.is_empty()) {
    const Tensor details = details_in(resized(condition.details, height, width));
    read.cells = read.cells.defined() ? read.cells + details : details;
  }
  if (!map_in.is_empty()) read.map = map_in(resized(condition.map, positions.size(1), positions.size(2))) + read.map;
  for (const auto& stage : *down) {
    ConditionAttention attention = stage->as<UNetStage>()->attention;
    if (!attention.is_empty() && !attention->condition_kv.is_empty())
      read.keys_values.push_back(attention->condition_kv(condition.tokens));
  }
  return read;
}

Tensor UNetImpl::forward(const Tensor& x, const FlowPoint& at, const ReadCondition& read) {
  const Tensor& t = at.t;
  const Condition& condition = read.condition;
  const Tensor& prompt = condition.prompt.defined() ? condition.prompt : x;
  TORCH_CHECK(x.dim() == 4 && x.size(1) == 3 && t.dim() == 1 && t.size(0) == x.size(0) && prompt.sizes() == x.sizes(),
              "the U-Net expects x and a prompt [B,3,H,W] and t [B]; got ", x.sizes(), ", ", prompt.sizes(), " and ",
              t.sizes());
  TORCH_CHECK(at.until.defined() == options.flow_map && at.guidance.defined() == options.flow_map,
              "a flow map expects the time to jump to and guidance, and other networks neither");
  const auto dtype = x.scalar_type();
  Tensor embedding = time2(torch::relu(time1(scalar_embedding(t, kTimeWidth).to(dtype)))) + read.embedding;
  if (options.flow_map) {
    const Tensor scales = at.guidance / (1 + at.guidance);  // into [0, 1)
    const Tensor jump =
        torch::cat({scalar_embedding(at.until - t, kTimeWidth), scalar_embedding(scales.select(1, 0), kTimeWidth),
                    scalar_embedding(scales.select(1, 1), kTimeWidth)},
                   1);
    embedding = embedding + jump2(torch::relu(jump1(jump.to(dtype))));
  }
  embedding = torch::relu(embedding);
  Tensor y = of_patches(x, true);
  if (read.cells.defined()) y = y + read.cells;
  const std::size_t coarsest = options.widths.size() - 1;
  std::vector<Tensor> skips;
  std::size_t stage = 0;
  for (std::size_t r = 0; r <= coarsest; ++r) {
    if (r == coarsest) y = y + read.map;
    for (std::int64_t i = 0; i < options.blocks[r]; ++i) {
      const bool reads = r == coarsest && !read.keys_values.empty();
      y = down[stage++]->as<UNetStage>()->forward(
          y, embedding, reads ? read.keys_values[static_cast<std::size_t>(i)] : Tensor(), condition.mask);
    }
    if (r == coarsest) break;
    skips.push_back(y);
    y = shrink[r]->as<nn::Conv2d>()->forward(y);
  }
  for (std::size_t r = coarsest; r-- > 0;) {
    y = torch::pixel_shuffle(grow[r]->as<nn::Conv2d>()->forward(y), 2);
    y = merge[r]->as<nn::Conv2d>()->forward(torch::cat({y, skips[r]}, 1).contiguous(torch::MemoryFormat::ChannelsLast));
    for (std::int64_t i = 0; i < kUpBlocks; ++i)
      y = up[r * kUpBlocks + i]->as<UNetStage>()->forward(y, embedding, {}, {});
  }
  return drawn_over_prompt(torch::pixel_shuffle(out(y), options.patch), condition);
}

}  // namespace cigli
