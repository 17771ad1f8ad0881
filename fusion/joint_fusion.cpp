#include "fusion/joint_fusion.h"

#include <vector>

#include "encoders/layers/feature_map.h"
#include "encoders/layers/linear.h"
#include "encoders/layers/pooling.h"
#include "fusion/visibility.h"

namespace cigli {

namespace nn = torch::nn;
using torch::Tensor;

ModalityImpl::ModalityImpl(const TransformerBlockOptions& o)
    : norm1(register_module("norm1", nn::LayerNorm(nn::LayerNormOptions({o.width})))),
      norm2(register_module("norm2", nn::LayerNorm(nn::LayerNormOptions({o.width})))),
      qkv(register_module("qkv", linear_layer(o.width, 3 * o.width))),
      out(register_module("out", zero_linear(o.width, o.width))),
      feed_forward(register_module("feed_forward", FeedForward(o.width, o.expansion))) {}

JointBlockImpl::JointBlockImpl(const TransformerBlockOptions& o)
    : heads(o.heads), text(register_module("text", Modality(o))), image(register_module("image", Modality(o))) {}

std::pair<Tensor, Tensor> JointBlockImpl::forward(const Tensor& text_in, const Tensor& image_in, const Tensor& mask) {
  const Tensor both = torch::cat({text->qkv(text->norm1(text_in)), image->qkv(image->norm1(image_in))}, 1);
  const std::vector<Tensor> parts = both.chunk(3, -1);
  const Tensor attended = merge_heads(scaled_dot_product(split_heads(parts[0], heads), split_heads(parts[1], heads),
                                                         split_heads(parts[2], heads), mask));
  const std::vector<Tensor> own = attended.split_with_sizes({text_in.size(1), image_in.size(1)}, 1);
  const Tensor t = text_in + text->out(own[0]);
  const Tensor i = image_in + image->out(own[1]);
  return {t + text->feed_forward(text->norm2(t)), i + image->feed_forward(image->norm2(i))};
}

JointFusionImpl::JointFusionImpl(const FusionOptions& o, const FeatureWidths& widths)
    : options(o),
      details_width(widths.details),
      text_in(register_module("text_in", linear_layer(widths.text, o.width))),
      image_in(register_module("image_in", linear_layer(widths.image, o.width))),
      null_text(register_parameter("null_text", small_weights({o.width}))),
      null_image(register_parameter("null_image", small_weights({o.width}))),
      blocks(register_module("blocks", nn::ModuleList())),
      norm(register_module("norm", nn::LayerNorm(nn::LayerNormOptions({o.width})))),
      text_norm(register_module("text_norm", nn::LayerNorm(nn::LayerNormOptions({o.width})))),
      image_norm(register_module("image_norm", nn::LayerNorm(nn::LayerNormOptions({o.width})))),
      pool(register_module("pool", linear_layer(o.width, 2 * o.width))),
      pool_fused(register_module("pool_fused", linear_layer(o.width, 2 * o.width))) {
  for (std::int64_t i = 0; i < o.layers; ++i) blocks->push_back(JointBlock(TransformerBlockOptions{o.width, o.heads}));
}

Condition JointFusionImpl::forward(const TextFeatures& text, const ImageFeatures& image, const Visible& visible) {
  const std::int64_t batch = text.tokens.size(0);
  const Tensor& cells = image.maps.tokens;
  check_inputs(text, image);
  const Visible seen = seen_inputs(visible, options.inputs, text.mask);
  const Tensor text_seen = seen.text.view({batch, 1, 1}), image_seen = seen.image.view({batch, 1, 1});
  const Tensor text_mask = seen_words(text.mask, seen.text);
  Tensor t = torch::where(text_seen, text_in(text.tokens), null_text);
  Tensor i = torch::where(image_seen, image_in(to_tokens(cells)), null_image);
  const Tensor own = norm(t);
  const Tensor mask = torch::cat({text_mask, torch::ones({batch, i.size(1)}, text_mask.options())}, 1);
  for (const auto& block : *blocks) std::tie(t, i) = block->as<JointBlock>()->forward(t, i, mask);

  const Tensor pooled =
      torch::cat({masked_max(pool(own), text_mask), masked_max(pool_fused(text_norm(t)), text_mask)}, 1);
  const Tensor keep = image_seen.unsqueeze(3).to(image.pixels.dtype());
  const Tensor read = image_norm(i);
  Condition condition{own,
                      text_mask,
                      pooled,
                      to_map(read, cells.size(2), cells.size(3)),
                      image.maps.details * keep,
                      image.pixels * keep};
  if (cells.size(2) * image.pixels.size(3) != cells.size(3) * image.pixels.size(2)) {
    condition.tokens = torch::cat({own, read}, 1);
    condition.mask = mask;
  }
  return condition;
}

}  // namespace cigli
