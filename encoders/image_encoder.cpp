#include "encoders/image_encoder.h"

#include <memory>

#include "encoders/layers/feature_map.h"
#include "encoders/layers/linear.h"
#include "encoders/layers/positions.h"
#include "encoders/layers/residual_block.h"

namespace cigli {

namespace nn = torch::nn;
using torch::Tensor;

void ImageEncoderOptions::visit(Fields& f) {
  f("kind", kind, "image encoder", Choices{{"convolutional"}});
  f("widths", widths, "channels a resolution, finest first, whose cells are 2, 4, 8, ... pixels wide", Range{8, 4096});
  f("blocks", blocks, "residual blocks a resolution", Range{0, 32});
}

std::int64_t ImageEncoderOptions::patch() const { return coarsest_cell("image.widths", 2, widths.size()); }

namespace {

constexpr std::int64_t kBands = 6;

// A 3x3 convolution over 2x2 pixels, residual blocks, and again at half the resolution (early convolutions: Xiao et al.
// 2021); the coarsest cells also know where they stand.
struct ConvolutionalImageEncoder : ImageEncoderImpl {
  explicit ConvolutionalImageEncoder(const ImageEncoderOptions& o)
      : options(o),
        stem(register_module("stem", conv3x3(12, o.widths[0]))),
        shrink(register_module("shrink", nn::ModuleList())),
        blocks(register_module("blocks", nn::ModuleList())),
        positions(register_module("positions", linear_layer(4 * kBands, o.widths.back()))) {
    for (std::size_t r = 0; r < o.widths.size(); ++r) {
      if (r > 0) shrink->push_back(conv3x3(o.widths[r - 1], o.widths[r], 2));
      for (std::int64_t i = 0; i < o.blocks; ++i) blocks->push_back(ResidualBlock(ResidualBlockOptions{o.widths[r]}));
    }
  }

  ImageMaps forward(const Tensor& prompt) override {
    const std::int64_t patch = options.patch();
    TORCH_CHECK(prompt.dim() == 4 && prompt.size(1) == 3 && prompt.size(2) % patch == 0 && prompt.size(3) % patch == 0,
                "image encoder expects a prompt [B,3,H,W] with sides divisible by ", patch, "; got ", prompt.sizes());
    Tensor x = stem(torch::pixel_unshuffle(prompt, 2).contiguous(torch::MemoryFormat::ChannelsLast)), details;
    std::size_t block = 0;
    for (std::size_t r = 0; r < options.widths.size(); ++r) {
      if (r > 0) {
        details = x;
        x = shrink[r - 1]->as<nn::Conv2d>()->forward(torch::relu(x));
      }
      if (r + 1 == options.widths.size()) {
        const std::int64_t rows = x.size(2), columns = x.size(3);
        x = x + to_map(positions(grid_positions(rows, columns, kBands).to(x)).unsqueeze(0), rows, columns);
      }
      for (std::int64_t i = 0; i < options.blocks; ++i) x = blocks[block++]->as<ResidualBlock>()->forward(x);
    }
    return {x, details.defined() ? details : x};
  }

  ImageEncoderOptions options;
  Conv3x3 stem;
  nn::ModuleList shrink, blocks;
  nn::Linear positions;
};

}  // namespace

ImageEncoder make_image_encoder(const ImageEncoderOptions& options) {
  options.patch();  // that its resolutions can be
  if (options.kind == "convolutional") return std::make_shared<ConvolutionalImageEncoder>(options);
  throw Error("no image encoder is called '" + options.kind + "'");
}

}  // namespace cigli
