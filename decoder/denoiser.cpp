#include "decoder/denoiser.h"

#include "decoder/gan_generator.h"
#include "decoder/unet.h"
#include "encoders/layers/feature_map.h"

namespace cigli {

void DecoderOptions::visit(Fields& f) {
  f("kind", kind, "network: the U-Net of a flow, or the one-stage generator of a GAN", Choices{{"unet", "gan"}});
  f("patch", patch, "pixels a side of a cell of the finest feature map", Range{1, 64});
  f("widths", widths, "channels a resolution, finest first", Range{8, 4096});
  f("blocks", blocks, "blocks a resolution, finest first", Range{0, 64});
  f("heads", heads, "attention heads (unet)", Range{1, 64});
  f("group", group, "channels a normalisation group (unet)", Range{1, 4096});
  f("latent", latent, "values of the noise that the generator starts from (gan)", Range{1, 4096});
  f("flow_map", flow_map, "jumps between times of the flow, guided in one pass (unet); `cigli distill` makes it so");
}

std::vector<torch::Tensor*> tensors_of(ReadCondition& read) {
  Condition& c = read.condition;
  std::vector<torch::Tensor*> all{&c.tokens, &c.mask,         &c.pooled,   &c.map,   &c.details,
                                  &c.prompt, &read.embedding, &read.cells, &read.map};
  for (torch::Tensor& each : read.keys_values) all.push_back(&each);
  return all;
}

torch::Tensor drawn_over_prompt(const torch::Tensor& drawn, const Condition& condition) {
  return condition.prompt.defined() ? drawn.slice(1, 0, 3) + drawn.slice(1, 3) * condition.prompt : drawn;
}

Denoiser make_denoiser(const DecoderOptions& options, const ConditionWidths& condition, std::int64_t height,
                       std::int64_t width) {
  const std::int64_t cell = coarsest_cell("decoder.widths", options.patch, options.widths.size());
  if (options.widths.size() != options.blocks.size())
    throw Error("decoder.widths and decoder.blocks must name the same number of resolutions; got " +
                std::to_string(options.widths.size()) + " and " + std::to_string(options.blocks.size()));
  if (height % cell != 0 || width % cell != 0)
    throw Error("the decoder's coarsest cells are " + std::to_string(cell) + " pixels wide: images of " +
                std::to_string(width) + "x" + std::to_string(height) + " don't divide into them");
  if (options.kind != "unet" && options.flow_map)
    throw Error("decoder.flow_map is of decoder.kind unet; this is " + options.kind);
  if (options.kind == "unet") return std::make_shared<UNetImpl>(options, condition, height, width);
  if (options.kind == "gan") return std::make_shared<GanGeneratorImpl>(options, condition, height, width);
  throw Error("no decoder is called '" + options.kind + "'");
}

}  // namespace cigli
