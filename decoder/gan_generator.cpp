#include "decoder/gan_generator.h"

#include <algorithm>
#include <vector>

#include "encoders/layers/attention.h"
#include "encoders/layers/feature_map.h"
#include "encoders/layers/residual_block.h"

namespace cigli {

namespace nn = torch::nn;
using torch::Tensor;

namespace {

constexpr std::int64_t kModulation = 256;
constexpr std::int64_t kGroup = 16;  // channels a normalisation group
constexpr double kSlope = 0.2;       // of the leaky ReLU

// Every cell becomes 2x2 equal ones: [B,C,H,W] -> [B,C,2H,2W], channels_last.
Tensor doubled(const Tensor& x) {
  const std::int64_t batch = x.size(0), channels = x.size(1), height = x.size(2), width = x.size(3);
  return x.permute({0, 2, 3, 1})
      .view({batch, height, 1, width, 1, channels})
      .expand({batch, height, 2, width, 2, channels})
      .reshape({batch, 2 * height, 2 * width, channels})
      .permute({0, 3, 1, 2});
}

}  // namespace

AffineModulationImpl::AffineModulationImpl(std::int64_t channels, std::int64_t embedding)
    : affine(register_module("affine", zero_linear(embedding, 2 * channels))) {}

Tensor AffineModulationImpl::forward(const Tensor& x, const Tensor& embedding) {
  const std::vector<Tensor> s_h = affine(embedding).unsqueeze(2).unsqueeze(3).chunk(2, 1);
  return torch::leaky_relu(x * (1 + s_h[0]) + s_h[1], kSlope);
}

DeepFusionBlockImpl::DeepFusionBlockImpl(std::int64_t in, std::int64_t out, std::int64_t embedding)
    : norm1(register_module("norm1", AdaptiveGroupNorm(in, kGroup, false))),
      norm2(register_module("norm2", AdaptiveGroupNorm(out, kGroup, false))),
      modulate1(register_module("modulate1", AffineModulation(in, embedding))),
      modulate2(register_module("modulate2", AffineModulation(in, embedding))),
      modulate3(register_module("modulate3", AffineModulation(out, embedding))),
      modulate4(register_module("modulate4", AffineModulation(out, embedding))),
      conv1(register_module("conv1", conv3x3(in, out))),
      conv2(register_module("conv2", conv3x3(out, out))) {
  // A block starts as its shortcut.
  nn::init::zeros_(conv2->weight);
  nn::init::zeros_(conv2->bias);
  if (in != out) shortcut = register_module("shortcut", conv1x1(in, out));
}

Tensor DeepFusionBlockImpl::forward(const Tensor& x, const Tensor& embedding) {
  const Tensor y = conv1(modulate2(modulate1(norm1(x), embedding), embedding));
  const Tensor z = conv2(modulate4(modulate3(norm2(y), embedding), embedding));
  return (shortcut.is_empty() ? x : shortcut(x)) + z;
}

GanGeneratorImpl::GanGeneratorImpl(const DecoderOptions& o, const ConditionWidths& condition, std::int64_t height,
                                   std::int64_t width)
    : options(o),
      base_height(height / (o.patch << (o.widths.size() - 1))),
      base_width(width / (o.patch << (o.widths.size() - 1))),
      map_at(std::max<std::int64_t>(0, static_cast<std::int64_t>(o.widths.size()) - 2)),
      details_at(std::max<std::int64_t>(0, static_cast<std::int64_t>(o.widths.size()) - 3)),
      embed(register_module("embed", linear_layer(o.latent + condition.pooled, kModulation))),
      seed(register_module("seed", linear_layer(o.latent, o.widths.back() * base_height * base_width))),
      blocks(register_module("blocks", nn::ModuleList())),
      out(register_module("out", conv3x3(o.widths[0], (condition.prompt > 0 ? 4 : 3) * o.patch * o.patch))) {
  if (o.latent > height * width)
    throw Error("decoder.latent is " + std::to_string(o.latent) + ", expected at most the " +
                std::to_string(height * width) + " places of the image");
  for (const std::int64_t channels : o.widths)
    if (channels % kGroup != 0)
      throw Error("decoder.widths names " + std::to_string(channels) + " channels, expected multiples of " +
                  std::to_string(kGroup) + " for a GAN");
  for (const std::int64_t count : o.blocks)
    if (count < 1) throw Error("decoder.blocks names a resolution without blocks, expected at least 1 each for a GAN");
  const std::size_t coarsest = o.widths.size() - 1;
  const auto width_before = [&](std::int64_t r) {
    return o.widths[std::min(static_cast<std::size_t>(r) + 1, coarsest)];
  };
  if (condition.map > 0) map_in = register_module("map_in", conv1x1(condition.map, width_before(map_at)));
  if (condition.details > 0)
    details_in = register_module("details_in", conv1x1(condition.details, width_before(details_at)));
  for (std::size_t r = coarsest + 1; r-- > 0;)
    for (std::int64_t i = 0; i < o.blocks[r]; ++i)
      blocks->push_back(
          DeepFusionBlock(i == 0 ? width_before(static_cast<std::int64_t>(r)) : o.widths[r], o.widths[r], kModulation));
}

Tensor GanGeneratorImpl::forward(const Tensor& x, const FlowPoint& at, const ReadCondition& read) {
  const Tensor& t = at.t;
  const Condition& condition = read.condition;
  TORCH_CHECK(x.dim() == 4 && x.size(1) == 3 && x.size(2) * x.size(3) >= options.latent && t.dim() == 1 &&
                  t.size(0) == x.size(0) && condition.pooled.size(0) == x.size(0),
              "the generator expects x [B,3,H,W], t [B] and a condition of B rows; got ", x.sizes(), ", ", t.sizes(),
              " and ", condition.pooled.sizes());
  const Tensor z = x.select(1, 0).flatten(1).slice(1, 0, options.latent);
  const Tensor embedding = torch::relu(embed(torch::cat({z, condition.pooled}, 1)));
  Tensor y = to_map(seed(z).view({x.size(0), base_height * base_width, -1}), base_height, base_width);
  std::size_t block = 0;
  const auto coarsest = static_cast<std::int64_t>(options.widths.size()) - 1;
  for (std::int64_t r = coarsest; r >= 0; --r) {
    if (r < coarsest) y = doubled(y);
    if (r == map_at && !map_in.is_empty()) y = y + map_in(resized(condition.map, y.size(2), y.size(3)));
    if (r == details_at && !details_in.is_empty()) y = y + details_in(resized(condition.details, y.size(2), y.size(3)));
    for (std::int64_t i = 0; i < options.blocks[static_cast<std::size_t>(r)]; ++i)
      y = blocks[block++]->as<DeepFusionBlock>()->forward(y, embedding);
  }
  return drawn_over_prompt(torch::pixel_shuffle(out(torch::leaky_relu(y, kSlope)), options.patch), condition);
}

}  // namespace cigli
