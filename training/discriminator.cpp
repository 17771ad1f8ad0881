#include "training/discriminator.h"

#include <string>
#include <vector>

#include "encoders/layers/feature_map.h"
#include "encoders/layers/pooling.h"
#include "encoders/layers/residual_block.h"
#include "runtime/error.h"

namespace cigli {

namespace nn = torch::nn;
using torch::Tensor;

namespace {

constexpr double kSlope = 0.2;  // of the leaky ReLU

Tensor rectified(const Tensor& x) { return torch::leaky_relu(x, kSlope); }

// Cells a side of the coarsest feature map of an image, whose prompt is so large.
std::int64_t coarse_cells(const DiscriminatorOptions& o, std::int64_t pixels, std::int64_t prompt_pixels) {
  const std::int64_t prompt_cell = coarsest_cell("gan.discriminator.prompt_widths", o.patch, o.prompt_widths.size());
  if (prompt_pixels < prompt_cell)
    throw Error("the discriminator's coarsest cells of a prompt are " + std::to_string(prompt_cell) +
                " pixels wide: prompts of " + std::to_string(prompt_pixels) +
                " pixels have none (gan.discriminator.patch, prompt_widths)");
  if (prompt_pixels % o.patch != 0)
    throw Error("gan.discriminator.patch is " + std::to_string(o.patch) + ": prompts of " +
                std::to_string(prompt_pixels) + " pixels don't divide into such cells");
  const std::int64_t cell = coarsest_cell("gan.discriminator.widths", o.patch, o.widths.size());
  if (pixels % cell != 0)
    throw Error("the discriminator's coarsest cells are " + std::to_string(cell) + " pixels wide: images of " +
                std::to_string(pixels) + " pixels don't divide into them (gan.discriminator.patch, widths)");
  return pixels / cell;
}

TextEncoder make_sentence_encoder(const DiscriminatorOptions& o, const ModelOptions& model, std::int64_t vocabulary) {
  if (o.text_width % o.text_heads != 0)
    throw Error("gan.discriminator.text_width is " + std::to_string(o.text_width) +
                ", expected a multiple of text_heads = " + std::to_string(o.text_heads));
  TextEncoderOptions text;
  text.context = model.text.context;
  text.width = o.text_width;
  text.layers = o.text_layers;
  text.heads = o.text_heads;
  return make_text_encoder(text, vocabulary);
}

}  // namespace

DownsamplerImpl::DownsamplerImpl(std::int64_t patch, const std::vector<std::int64_t>& widths)
    : patch(patch),
      in(register_module("in", conv3x3(3 * patch * patch, widths[0]))),
      shrink(register_module("shrink", nn::ModuleList())),
      refine(register_module("refine", nn::ModuleList())),
      shortcut(register_module("shortcut", nn::ModuleList())) {
  for (std::size_t r = 1; r < widths.size(); ++r) {
    shrink->push_back(nn::Conv2d(nn::Conv2dOptions(widths[r - 1], widths[r], 4).stride(2).padding(1)));
    refine->push_back(conv3x3(widths[r], widths[r]));
    shortcut->push_back(conv1x1(widths[r - 1], widths[r]));
  }
}

Tensor DownsamplerImpl::forward(const Tensor& image) {
  TORCH_CHECK(image.dim() == 4 && image.size(1) == 3 && image.size(2) % patch == 0 && image.size(3) % patch == 0,
              "the discriminator expects images [B,3,H,W] with sides divisible by ", patch, "; got ", image.sizes());
  Tensor x = in(torch::pixel_unshuffle(image, patch).contiguous(torch::MemoryFormat::ChannelsLast));
  for (std::size_t r = 0; r < shrink->size(); ++r) {
    const Tensor y = shrink[r]->as<nn::Conv2d>()->forward(rectified(x));
    x = shortcut[r]->as<nn::Conv2d>()->forward(torch::avg_pool2d(x, 2)) +
        refine[r]->as<nn::Conv2d>()->forward(rectified(y));
  }
  return x;
}

DiscriminatorImpl::DiscriminatorImpl(const DiscriminatorOptions& o, const ModelOptions& model, std::int64_t vocabulary)
    : height(coarse_cells(o, model.height, model.prompt_height)),
      width(coarse_cells(o, model.width, model.prompt_width)),
      image(register_module("image", Downsampler(o.patch, o.widths))),
      prompt(register_module("prompt", Downsampler(o.patch, o.prompt_widths))),
      text(register_module("text", make_sentence_encoder(o, model, vocabulary))),
      sentence(register_module("sentence", linear_layer(o.text_width, o.text_width))),
      joint1(
          register_module("joint1", conv3x3(o.widths.back() + o.prompt_widths.back() + o.text_width, o.widths.back()))),
      joint2(register_module("joint2", conv3x3(o.widths.back(), o.widths.back()))),
      out(register_module("out", nn::Conv2d(nn::Conv2dOptions(o.widths.back(), 1, {height, width})))) {}

Tensor DiscriminatorImpl::features(const Tensor& picture) {
  const Tensor y = image(picture.to(out->weight.scalar_type()));
  TORCH_CHECK(y.size(2) == height && y.size(3) == width, "the discriminator's features are ", y.sizes(),
              ", expected places ", height, "x", width);
  return y;
}

JudgedCondition DiscriminatorImpl::condition(const TokenBatch& tokens, const Tensor& picture) {
  const TextFeatures words = text->forward(tokens);
  return {sentence(masked_max(words.tokens, words.mask)),
          resized(prompt(picture.to(out->weight.scalar_type())), height, width)};
}

Tensor DiscriminatorImpl::judge(const Tensor& features, const JudgedCondition& condition) {
  const std::int64_t batch = features.size(0);
  TORCH_CHECK(condition.sentence.size(0) == batch && condition.prompt.size(0) == batch,
              "the discriminator expects a sentence and a prompt a row; got ", condition.sentence.sizes(), " and ",
              condition.prompt.sizes(), " for features ", features.sizes());
  const Tensor everywhere = condition.sentence.unsqueeze(2).unsqueeze(3).expand({batch, -1, height, width});
  const Tensor all = torch::cat({features, condition.prompt, everywhere}, 1);
  const Tensor y = joint2(rectified(joint1(rectified(all))));
  return out(rectified(y)).flatten().to(torch::kFloat32);
}

}  // namespace cigli
