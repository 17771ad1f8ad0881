#include "encoders/layers/residual_block.h"

namespace cigli {

namespace nn = torch::nn;
using torch::Tensor;

ResidualBlockImpl::ResidualBlockImpl(const ResidualBlockOptions& o)
    : norm1(register_module("norm1", AdaptiveGroupNorm(o.channels, o.group, true))),
      norm2(register_module("norm2", AdaptiveGroupNorm(o.channels, o.group, true))),
      conv1(register_module("conv1", conv3x3(o.channels, o.channels))),
      conv2(register_module("conv2", conv3x3(o.channels, o.channels))) {
  nn::init::zeros_(conv2->weight);
  nn::init::zeros_(conv2->bias);
  if (o.embedding > 0) film = register_module("film", zero_linear(o.embedding, 2 * o.channels));
}

Tensor ResidualBlockImpl::forward(const Tensor& x, const Tensor& embedding) {
  const Tensor y = conv1(norm1(x));
  return x + conv2(norm2(y, film.is_empty() ? Tensor() : film(embedding)));
}

}  // namespace cigli
