#include "encoders/layers/linear.h"

#include <functional>
#include <numeric>
#include <string>

#include "runtime/error.h"

namespace cigli {

namespace nn = torch::nn;
using torch::Tensor;

namespace {

constexpr std::int64_t kDrawn = -1;
thread_local std::int64_t following = kDrawn;  // how many weights may still follow, or that none do

bool weights_follow() { return following != kDrawn; }

Tensor room(const std::vector<std::int64_t>& shape) {
  const std::int64_t count = std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
  if (count > following) throw Error("it would have far more weights than the file");
  following -= count;
  return torch::empty(shape);
}

// LibTorch makes no layer without drawing weights: one of a single channel gets room for all.
template <class Layer>
Layer with_room(Layer layer, const std::vector<std::int64_t>& weight, std::int64_t out) {
  layer->weight.set_data(room(weight));
  layer->bias.set_data(room({out}));
  return layer;
}

template <class Convolution>
Convolution convolution(std::int64_t in, std::int64_t out, std::int64_t size, std::int64_t stride) {
  const auto options = [&](std::int64_t inputs, std::int64_t outputs) {
    return nn::Conv2dOptions(inputs, outputs, size).padding(size / 2).stride(stride);
  };
  if (!weights_follow()) return Convolution(options(in, out));
  Convolution layer = with_room(Convolution(options(1, 1)), {out, in, size, size}, out);
  layer->options.in_channels(in).out_channels(out);
  return layer;
}

}  // namespace

Tensor Conv3x3Impl::forward(const Tensor& x) {
  const bool filtered = winograd_fits(x, weight) && (*options.stride())[0] == 1;
  return filtered ? filtered_(x, weight, bias) : Conv2dImpl::forward(x);
}

nn::Linear linear_layer(std::int64_t in, std::int64_t out) {
  if (!weights_follow()) return nn::Linear(in, out);
  nn::Linear layer = with_room(nn::Linear(1, 1), {out, in}, out);
  layer->options = nn::LinearOptions(in, out);
  return layer;
}

nn::Conv2d conv1x1(std::int64_t in, std::int64_t out) { return convolution<nn::Conv2d>(in, out, 1, 1); }

Conv3x3 conv3x3(std::int64_t in, std::int64_t out, std::int64_t stride) {
  return convolution<Conv3x3>(in, out, 3, stride);
}

nn::Linear zero_linear(std::int64_t in, std::int64_t out) {
  nn::Linear layer = linear_layer(in, out);
  if (weights_follow()) return layer;
  nn::init::zeros_(layer->weight);
  nn::init::zeros_(layer->bias);
  return layer;
}

nn::Embedding embedding_layer(std::int64_t count, std::int64_t width) {
  if (!weights_follow()) return nn::Embedding(count, width);
  nn::Embedding layer(1, 1);
  layer->weight.set_data(room({count, width}));
  layer->options = nn::EmbeddingOptions(count, width);
  return layer;
}

Tensor small_weights(const std::vector<std::int64_t>& shape) {
  return weights_follow() ? room(shape) : 0.02 * torch::randn(shape);
}

WeightsFollow::WeightsFollow(std::int64_t most) : before_(following) { following = most; }
WeightsFollow::~WeightsFollow() { following = before_; }

}  // namespace cigli
