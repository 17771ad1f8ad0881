#include "fusion/affine_fusion.h"

#include <vector>

#include "encoders/layers/attention.h"
#include "encoders/layers/feature_map.h"
#include "encoders/layers/pooling.h"
#include "encoders/layers/residual_block.h"
#include "fusion/visibility.h"

namespace cigli {

namespace nn = torch::nn;
using torch::Tensor;

AffineBlockImpl::AffineBlockImpl(std::int64_t width, std::int64_t heads)
    : heads(heads),
      norm(register_module("norm", nn::LayerNorm(nn::LayerNormOptions({width})))),
      query(register_module("query", linear_layer(width, width))),
      key_value(register_module("key_value", linear_layer(width, 2 * width))),
      mix(register_module("mix", conv3x3(2 * width, width))),
      features(register_module("features", conv3x3(width, width))),
      combine(register_module("combine", conv3x3(width, 2 * width))),
      mixed(register_module("mixed", conv1x1(width, width))) {
  // Starts near h + b(v), so that h outlives a stack of blocks.
  const torch::NoGradGuard no_grad;
  combine->bias.slice(0, 0, width).fill_(1);
}

Tensor AffineBlockImpl::forward(const Tensor& h, const AffineInputs& in) {
  const Tensor regions = norm(to_tokens(h));
  const std::vector<Tensor> word = key_value(in.words).chunk(2, -1);
  const Tensor read = merge_heads(scaled_dot_product(split_heads(query(regions), heads), split_heads(word[0], heads),
                                                     split_heads(word[1], heads), in.mask));
  const Tensor both = to_map(torch::cat({regions, read}, 2), h.size(2), h.size(3));
  const Tensor worded = h + mixed(torch::relu(mix(both)));
  const std::vector<Tensor> affine = combine(torch::relu(features(in.image))).chunk(2, 1);
  return worded * affine[0] + affine[1];
}

AffineFusionImpl::AffineFusionImpl(const FusionOptions& o, const FeatureWidths& widths)
    : options(o),
      details_width(widths.details),
      text_in(register_module("text_in", linear_layer(widths.text, o.width))),
      image_in(register_module("image_in", linear_layer(widths.image, o.width))),
      null_text(register_parameter("null_text", small_weights({o.width}))),
      null_image(register_parameter("null_image", small_weights({o.width}))),
      sentence(register_module("sentence", linear_layer(o.width, o.width))),
      blocks(register_module("blocks", nn::ModuleList())),
      text_norm(register_module("text_norm", nn::LayerNorm(nn::LayerNormOptions({o.width})))),
      map_norm(register_module("map_norm", nn::LayerNorm(nn::LayerNormOptions({o.width})))),
      pool_text(register_module("pool_text", linear_layer(o.width, 2 * o.width))),
      pool_map(register_module("pool_map", linear_layer(o.width, 2 * o.width))) {
  for (std::int64_t i = 0; i < o.layers; ++i) blocks->push_back(AffineBlock(o.width, o.heads));
}

Condition AffineFusionImpl::forward(const TextFeatures& text, const ImageFeatures& image, const Visible& visible) {
  check_inputs(text, image);
  const std::int64_t batch = text.tokens.size(0);
  const Tensor& cells = image.maps.tokens;
  const Visible seen = seen_inputs(visible, options.inputs, text.mask);
  const Tensor text_seen = seen.text.view({batch, 1, 1}), image_seen = seen.image.view({batch, 1, 1});

  const Tensor mask = seen_words(text.mask, seen.text);
  const Tensor words = text_norm(torch::where(text_seen, text_in(text.tokens), null_text));
  const Tensor own = torch::where(image_seen, image_in(to_tokens(cells)), null_image);
  const Tensor all_words = masked_max(words, mask);
  const AffineInputs inputs{words, mask, to_map(own, cells.size(2), cells.size(3))};
  Tensor h = to_map(own + sentence(all_words).unsqueeze(1), cells.size(2), cells.size(3));
  for (const auto& block : *blocks) h = block->as<AffineBlock>()->forward(h, inputs);

  const Tensor regions = map_norm(to_tokens(h));
  const Tensor keep = image_seen.unsqueeze(3).to(image.pixels.dtype());
  return {words,
          mask,
          torch::cat({masked_max(pool_text(words), mask), pool_map(regions).amax(1)}, 1),
          to_map(regions, cells.size(2), cells.size(3)),
          image.maps.details * keep,
          image.pixels * keep};
}

}  // namespace cigli
