#include "fusion/pair_scorer.h"

#include <cmath>

#include "encoders/layers/feature_map.h"
#include "encoders/layers/linear.h"
#include "encoders/layers/positions.h"
#include "encoders/layers/residual_block.h"

namespace cigli {

namespace nn = torch::nn;
using torch::Tensor;

namespace {

constexpr std::int64_t kBands = 4;

FeatureWidths feature_widths(const PairScorerOptions& o) {
  const auto& widths = o.image.widths;
  return {o.text.width, widths.back(), widths[widths.size() > 1 ? widths.size() - 2 : 0]};
}

}  // namespace

PairScorerOptions::PairScorerOptions() {
  text.width = fusion.width = 64;
  image.widths = {32, 64};
}

PairScorerImpl::PairScorerImpl(const PairScorerOptions& o, std::int64_t vocabulary)
    : options(o),
      text(register_module("text", make_text_encoder(o.text, vocabulary))),
      image(register_module("image", make_image_encoder(o.image))),
      fusion(register_module("fusion", make_fusion(o.fusion, feature_widths(o)))),
      project(register_module("project", conv1x1(o.image.widths.back(), o.width))),
      gain(register_parameter("gain", torch::ones({o.width, 1, 1}))),
      positions(register_module("positions", linear_layer(4 * kBands, o.fusion.width))),
      pooled(register_module("pooled", linear_layer(fusion->widths().pooled, o.fusion.width))),
      map(register_module("map", conv1x1(fusion->widths().map, o.fusion.width))),
      out(register_module("out", conv1x1(o.fusion.width, o.width))) {
  TORCH_CHECK(fusion->widths().map > 0, "the pair scorer needs a fusion that makes a map of the prompt");
  nn::init::zeros_(out->weight);
  nn::init::zeros_(out->bias);
}

Tensor PairScorerImpl::query(const TokenBatch& words, const Tensor& prompt, std::int64_t height, std::int64_t width) {
  const std::int64_t batch = prompt.size(0);
  const ImageMaps maps = image->forward(prompt);
  const Condition condition = fusion->forward(text->forward(words), {maps, prompt}, {});
  const Tensor places = to_map(positions(grid_positions(height, width, kBands).to(prompt)).unsqueeze(0), height, width);
  const Tensor read = resized(map(condition.map), height, width) + places +
                      pooled(condition.pooled).view({batch, options.fusion.width, 1, 1});
  const Tensor change = out(torch::relu(read));
  if (options.fusion.inputs == "text-only") return change;
  return gain * resized(key(maps), height, width) + change;
}

Tensor pair_scores(const Tensor& queries, const Tensor& keys) {
  TORCH_CHECK(queries.dim() == 4 && keys.dim() == 4 && queries.sizes().slice(1) == keys.sizes().slice(1),
              "pair scores expect queries and keys [.,C,h,w] of one shape; got ", queries.sizes(), " and ",
              keys.sizes());
  const Tensor q = queries.flatten(1).to(torch::kFloat32), k = keys.flatten(1).to(torch::kFloat32);
  return torch::mm(q, k.t()) / std::sqrt(static_cast<double>(keys.size(1)));
}

Tensor contrastive_loss(const Tensor& scores, const Tensor& same) {
  TORCH_CHECK(scores.dim() == 2 && scores.size(0) == scores.size(1) && same.sizes() == scores.sizes(),
              "a contrastive loss expects scores and a mask [N,N]; got ", scores.sizes(), " and ", same.sizes());
  const Tensor others = same.logical_and(torch::eye(scores.size(0), same.options()).logical_not());
  return -scores.masked_fill(others, -1e9).log_softmax(1).diagonal().mean();
}

}  // namespace cigli
