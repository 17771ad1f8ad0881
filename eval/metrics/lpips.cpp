#include "eval/metrics/lpips.h"

#include <torch/torch.h>

#include <algorithm>
#include <string>

#include "runtime/error.h"

namespace cigli {

using torch::Tensor;

namespace {

// A convolution with ReLU to `width` channels, or a fire module (Iandola et al. 2016), which goes from there to four
// times as many by each of two convolutions.
struct Place {
  int slice, index;  // in the names; the last place of a slice is compared
  bool pool;         // max pooling before it
  std::int64_t width, kernel = 3, stride = 1, padding = 1;
};
constexpr std::int64_t kExpansion = 4;

const std::vector<Place> kAlex = {{1, 0, false, 64, 11, 4, 2},
                                  {2, 3, true, 192, 5, 1, 2},
                                  {3, 6, true, 384},
                                  {4, 8, false, 256},
                                  {5, 10, false, 256}};
const std::vector<Place> kVgg = {{1, 0, false, 64},   {1, 2, false, 64},   {2, 5, true, 128},   {2, 7, false, 128},
                                 {3, 10, true, 256},  {3, 12, false, 256}, {3, 14, false, 256}, {4, 17, true, 512},
                                 {4, 19, false, 512}, {4, 21, false, 512}, {5, 24, true, 512},  {5, 26, false, 512},
                                 {5, 28, false, 512}};
const std::vector<Place> kSqueeze = {{1, 0, false, 64, 3, 2, 0}, {2, 3, true, 16},   {2, 4, false, 16},
                                     {3, 6, true, 32},           {3, 7, false, 32},  {4, 9, true, 48},
                                     {5, 10, false, 48},         {6, 11, false, 64}, {7, 12, false, 64}};

// One; of a fire module squeeze, expand 1x1 and expand 3x3.
std::vector<Convolution> convolutions(PretrainedWeights& weights, const Place& place, bool fire, std::int64_t channels,
                                      const torch::TensorOptions& options) {
  const std::string name = "net.slice" + std::to_string(place.slice) + "." + std::to_string(place.index);
  const auto take = [&](const std::string& part, at::IntArrayRef shape) {
    Convolution result;
    result.weight = weights.take(name + part + ".weight", shape).to(options);
    result.bias = weights.take(name + part + ".bias", shape.slice(0, 1)).to(options);
    return result;
  };
  const std::int64_t width = place.width, kernel = place.kernel;
  if (!fire) {
    Convolution result = take("", {width, channels, kernel, kernel});
    result.stride = {place.stride, place.stride};
    result.padding = {place.padding, place.padding};
    return {result};
  }
  Convolution expand = take(".expand3x3", {kExpansion * width, width, 3, 3});
  expand.padding = {1, 1};
  return {take(".squeeze", {width, channels, 1, 1}), take(".expand1x1", {kExpansion * width, width, 1, 1}), expand};
}

}  // namespace

struct Lpips::Network {
  const char* name;
  const char* mark;  // a tensor that only this network has
  const std::vector<Place>& places;
  bool fire;  // all places but the first
  std::int64_t pool;
  bool partial;           // pooling windows may reach past the border
  std::int64_t shortest;  // side of an image
};

const Lpips::Network& Lpips::told_by_names(const PretrainedWeights& weights) {
  static const Network networks[] = {
      {"alex", "net.slice5.10.weight", kAlex, false, 3, false, 31},
      {"vgg", "net.slice5.28.weight", kVgg, false, 2, false, 16},
      {"squeeze", "net.slice7.12.squeeze.weight", kSqueeze, true, 3, true, 17},
  };
  std::string marks;
  for (const Network& network : networks) {
    if (weights.has(network.mark)) return network;
    marks += std::string(marks.empty() ? "" : " or ") + network.mark + " (" + network.name + ")";
  }
  throw Error(weights.name() + ": expected the weights of a whole LPIPS network, with a tensor " + marks);
}

const char* Lpips::network() const { return network_.name; }

Lpips::Lpips(PretrainedWeights& weights, const torch::TensorOptions& options)
    : network_(told_by_names(weights)), options_(options) {
  const std::vector<Place>& places = network_.places;
  std::int64_t channels = 3;
  for (std::size_t i = 0; i < places.size(); ++i) {
    const bool compared = i + 1 == places.size() || places[i + 1].slice != places[i].slice;
    const bool fire = network_.fire && i > 0;
    layers_.push_back({places[i].pool, compared, convolutions(weights, places[i], fire, channels, options)});
    channels = fire ? 2 * kExpansion * places[i].width : places[i].width;
    if (!compared) continue;
    const std::string name = "lin" + std::to_string(importance_.size()) + ".model.1.weight";
    importance_.push_back(weights.take(name, {1, channels, 1, 1})[0].to(options));
  }
  weights.check();
}

Tensor Lpips::forward(const Layer& layer, Tensor x) const {
  if (layer.pool)
    x = torch::max_pool2d(x, network_.pool, /*stride=*/2, /*padding=*/0, /*dilation=*/1, network_.partial);
  x = layer.convolutions[0](x).relu_();
  if (layer.convolutions.size() == 1) return x;
  return torch::cat({layer.convolutions[1](x), layer.convolutions[2](x)}, 1).relu_();
}

Tensor Lpips::layers(const Tensor& images, const Tensor& targets) const {
  TORCH_CHECK(images.dim() == 4 && images.size(1) == 3 && images.sizes() == targets.sizes(),
              "images and targets of one shape [B,3,H,W]; got ", images.sizes(), " and ", targets.sizes());
  if (std::min(images.size(2), images.size(3)) < network_.shortest)
    throw Error("LPIPS with " + std::string(network_.name) + " needs images of " + std::to_string(network_.shortest) +
                " pixels or more a side, got " + std::to_string(images.size(3)) + "x" + std::to_string(images.size(2)));
  const torch::NoGradGuard no_gradients;
  // ImageNet's means and deviations of values in [-1,1], which the package rounds to float32 before anything else.
  const auto by_channel = [&](const std::vector<float>& values) {
    return torch::tensor(values).view({3, 1, 1}).to(options_);
  };
  const Tensor mean = by_channel({-0.030f, -0.088f, -0.188f}), deviation = by_channel({0.458f, 0.448f, 0.450f});
  Tensor x = ((2 * torch::cat({images, targets}).to(options_) - 1) - mean) / deviation;
  std::vector<Tensor> shares;
  for (const Layer& layer : layers_) {
    x = forward(layer, x);
    if (!layer.compared) continue;
    const Tensor directions = x / (x.square().sum(1, /*keepdim=*/true).sqrt() + 1e-10);
    const std::vector<Tensor> pair = directions.chunk(2);
    shares.push_back(((pair[0] - pair[1]).square() * importance_[shares.size()]).sum(1).mean({1, 2}));
  }
  return torch::stack(shares, 1).to(torch::kCPU, torch::kFloat64);
}

Tensor Lpips::operator()(const Tensor& images, const Tensor& targets) const { return layers(images, targets).sum(1); }

}  // namespace cigli
