#include "encoders/layers/residual_block.h"

#include <vector>

#include "encoders/layers/attention.h"

namespace cigli {

namespace nn = torch::nn;
using torch::Tensor;

nn::Conv2d conv3x3(std::int64_t in, std::int64_t out, std::int64_t stride) {
  return nn::Conv2d(nn::Conv2dOptions(in, out, 3).padding(1).stride(stride));
}

nn::GroupNorm group_norm(std::int64_t channels, std::int64_t group) {
  TORCH_CHECK(channels % group == 0, channels, " channels can't be normalised in groups of ", group);
  return nn::GroupNorm(nn::GroupNormOptions(channels / group, channels));
}

ResidualBlockImpl::ResidualBlockImpl(const ResidualBlockOptions& o)
    : norm1(register_module("norm1", group_norm(o.channels, o.group))),
      norm2(register_module("norm2", group_norm(o.channels, o.group))),
      conv1(register_module("conv1", conv3x3(o.channels, o.channels))),
      conv2(register_module("conv2", conv3x3(o.channels, o.channels))) {
  nn::init::zeros_(conv2->weight);
  nn::init::zeros_(conv2->bias);
  if (o.embedding > 0) film = register_module("film", zero_linear(o.embedding, 2 * o.channels));
}

Tensor ResidualBlockImpl::forward(const Tensor& x, const Tensor& embedding) {
  Tensor y = norm2(conv1(torch::relu(norm1(x))));
  if (!film.is_empty()) {
    const std::vector<Tensor> scale_shift = film(embedding).unsqueeze(-1).unsqueeze(-1).chunk(2, 1);
    y = torch::addcmul(scale_shift[1], y, scale_shift[0] + 1);
  }
  return x + conv2(torch::relu(y));
}

Tensor to_tokens(const Tensor& image) { return image.permute({0, 2, 3, 1}).flatten(1, 2); }

Tensor to_map(const Tensor& tokens, std::int64_t height, std::int64_t width) {
  return tokens.view({tokens.size(0), height, width, tokens.size(2)}).permute({0, 3, 1, 2});
}

}  // namespace cigli
