#include "encoders/image_encoder.h"

#include <memory>

#include "encoders/layers/feature_map.h"
#include "encoders/layers/positions.h"
#include "encoders/layers/residual_block.h"

namespace cigli {

namespace nn = torch::nn;
using torch::Tensor;

void ImageEncoderOptions::visit(Fields& f) {
  f("kind", kind, "image encoder", Choices{{"convolutional"}});
  f("patch", patch, "pixels a side of a token's cell, an even number", Range{2, 64});
  f("width", width, "channels of an image token", Range{8, 4096});
  f("blocks", blocks, "residual blocks at the tokens' resolution", Range{0, 32});
}

namespace {

constexpr std::int64_t kBands = 6;

// Half patches, a 3x3 convolution, a strided one, positions, residual blocks.
struct ConvolutionalImageEncoder : ImageEncoderImpl {
  explicit ConvolutionalImageEncoder(const ImageEncoderOptions& o)
      : patch(o.patch),
        stem(register_module("stem", conv3x3(3 * o.patch * o.patch / 4, o.width))),
        down(register_module("down", conv3x3(o.width, o.width, 2))),
        blocks(register_module("blocks", nn::ModuleList())),
        positions(register_module("positions", nn::Linear(4 * kBands, o.width))) {
    for (std::int64_t i = 0; i < o.blocks; ++i) blocks->push_back(ResidualBlock(ResidualBlockOptions{o.width}));
  }

  Tensor forward(const Tensor& prompt) override {
    TORCH_CHECK(prompt.dim() == 4 && prompt.size(1) == 3 && prompt.size(2) % patch == 0 && prompt.size(3) % patch == 0,
                "image encoder expects a prompt [B,3,H,W] with sides divisible by ", patch, "; got ", prompt.sizes());
    const Tensor half = torch::pixel_unshuffle(prompt, patch / 2).contiguous(torch::MemoryFormat::ChannelsLast);
    Tensor x = down(torch::relu(stem(half)));
    const std::int64_t rows = x.size(2), columns = x.size(3);
    x = x + to_map(positions(grid_positions(rows, columns, kBands).to(x.dtype())).unsqueeze(0), rows, columns);
    for (const auto& block : *blocks) x = block->as<ResidualBlock>()->forward(x);
    return x;
  }

  std::int64_t patch;
  nn::Conv2d stem, down;
  nn::ModuleList blocks;
  nn::Linear positions;
};

}  // namespace

ImageEncoder make_image_encoder(const ImageEncoderOptions& options) {
  if (options.kind == "convolutional") return std::make_shared<ConvolutionalImageEncoder>(options);
  throw Error("no image encoder is called '" + options.kind + "'");
}

}  // namespace cigli
