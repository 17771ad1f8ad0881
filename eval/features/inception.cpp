#include "eval/features/inception.h"

#include <torch/torch.h>

#include <vector>

#include "runtime/error.h"

namespace cigli {
namespace {

namespace F = torch::nn::functional;
using torch::Tensor;

struct Step {
  const char* name;
  std::int64_t channels, height, width, stride;
};
using Steps = std::vector<Step>;
enum class Pool { none, average, maximum, halving };

// Branches side by side, their channels joined. The last steps of a branch may be a fork of two, and behind the pool
// may come a convolution of its own.
struct Branch {
  Steps steps, fork;
};
struct Block {
  const char* name;
  std::vector<Branch> branches;
  Pool pool;
  std::int64_t pooled;  // channels of the convolution behind it, 0: none
};

const Steps& stem() {  // pools behind the third and the fifth
  static const Steps steps{{"Conv2d_1a_3x3", 32, 3, 3, 2},
                           {"Conv2d_2a_3x3", 32, 3, 3, 1},
                           {"Conv2d_2b_3x3", 64, 3, 3, 1},
                           {"Conv2d_3b_1x1", 80, 1, 1, 1},
                           {"Conv2d_4a_3x3", 192, 3, 3, 1}};
  return steps;
}

Block places_35(const char* name, std::int64_t pooled) {
  return {name,
          {{{{"branch1x1", 64, 1, 1, 1}}, {}},
           {{{"branch5x5_1", 48, 1, 1, 1}, {"branch5x5_2", 64, 5, 5, 1}}, {}},
           {{{"branch3x3dbl_1", 64, 1, 1, 1}, {"branch3x3dbl_2", 96, 3, 3, 1}, {"branch3x3dbl_3", 96, 3, 3, 1}}, {}}},
          Pool::average,
          pooled};
}

Block places_17(const char* name, std::int64_t inner) {
  return {name,
          {{{{"branch1x1", 192, 1, 1, 1}}, {}},
           {{{"branch7x7_1", inner, 1, 1, 1}, {"branch7x7_2", inner, 1, 7, 1}, {"branch7x7_3", 192, 7, 1, 1}}, {}},
           {{{"branch7x7dbl_1", inner, 1, 1, 1},
             {"branch7x7dbl_2", inner, 7, 1, 1},
             {"branch7x7dbl_3", inner, 1, 7, 1},
             {"branch7x7dbl_4", inner, 7, 1, 1},
             {"branch7x7dbl_5", 192, 1, 7, 1}},
            {}}},
          Pool::average,
          192};
}

Block places_8(const char* name, Pool pool) {
  return {name,
          {{{{"branch1x1", 320, 1, 1, 1}}, {}},
           {{{"branch3x3_1", 384, 1, 1, 1}}, {{"branch3x3_2a", 384, 1, 3, 1}, {"branch3x3_2b", 384, 3, 1, 1}}},
           {{{"branch3x3dbl_1", 448, 1, 1, 1}, {"branch3x3dbl_2", 384, 3, 3, 1}},
            {{"branch3x3dbl_3a", 384, 1, 3, 1}, {"branch3x3dbl_3b", 384, 3, 1, 1}}}},
          pool,
          192};
}

const std::vector<Block>& blocks() {
  static const std::vector<Block> all{
      places_35("Mixed_5b", 32),
      places_35("Mixed_5c", 64),
      places_35("Mixed_5d", 64),
      {"Mixed_6a",
       {{{{"branch3x3", 384, 3, 3, 2}}, {}},
        {{{"branch3x3dbl_1", 64, 1, 1, 1}, {"branch3x3dbl_2", 96, 3, 3, 1}, {"branch3x3dbl_3", 96, 3, 3, 2}}, {}}},
       Pool::halving,
       0},
      places_17("Mixed_6b", 128),
      places_17("Mixed_6c", 160),
      places_17("Mixed_6d", 160),
      places_17("Mixed_6e", 192),
      {"Mixed_7a",
       {{{{"branch3x3_1", 192, 1, 1, 1}, {"branch3x3_2", 320, 3, 3, 2}}, {}},
        {{{"branch7x7x3_1", 192, 1, 1, 1},
          {"branch7x7x3_2", 192, 1, 7, 1},
          {"branch7x7x3_3", 192, 7, 1, 1},
          {"branch7x7x3_4", 192, 3, 3, 2}},
         {}}},
       Pool::halving,
       0},
      places_8("Mixed_7b", Pool::average),
      places_8("Mixed_7c", Pool::maximum)};
  return all;
}

// Gathers the convolutions while it follows the channels through the network.
class Loader {
 public:
  Loader(PretrainedWeights& weights, const torch::TensorOptions& place) : weights_(weights), place_(place) {}

  // Channels behind the step. `padded`: it keeps the number of places.
  std::int64_t step(const std::string& name, const Step& step, std::int64_t channels, bool padded) {
    constexpr double epsilon = 1e-3;
    Convolution convolution =
        folded(weights_, name + ".conv", name + ".bn", {step.channels, channels, step.height, step.width}, epsilon);
    convolution.stride = {step.stride, step.stride};
    if (padded) convolution.padding = {step.height / 2, step.width / 2};
    convolutions.emplace(name, convolution.to(place_));
    return step.channels;
  }
  std::int64_t block(const Block& block, std::int64_t channels) {
    const std::string prefix = std::string(block.name) + ".";
    std::int64_t all = 0;
    for (const Branch& branch : block.branches) {
      std::int64_t width = channels, joined = 0;
      for (const Step& s : branch.steps) width = step(prefix + s.name, s, width, s.stride == 1);
      for (const Step& s : branch.fork) joined += step(prefix + s.name, s, width, true);
      all += branch.fork.empty() ? width : joined;
    }
    if (block.pooled == 0) return all + channels;
    return all + step(prefix + "branch_pool", {"branch_pool", block.pooled, 1, 1, 1}, channels, true);
  }

  std::map<std::string, Convolution> convolutions;

 private:
  PretrainedWeights& weights_;
  torch::TensorOptions place_;
};

Tensor halved(const Tensor& x) { return F::max_pool2d(x, F::MaxPool2dFuncOptions(3).stride(2)); }

Tensor pooled(const Tensor& x, Pool pool) {
  if (pool == Pool::halving) return halved(x);
  if (pool == Pool::maximum) return F::max_pool2d(x, F::MaxPool2dFuncOptions(3).stride(1).padding(1));
  return F::avg_pool2d(x, F::AvgPool2dFuncOptions(3).stride(1).padding(1).count_include_pad(false));
}

}  // namespace

Inception::Inception(PretrainedWeights& weights, const torch::TensorOptions& place) : place_(place) {
  Loader loader(weights, place);
  std::int64_t channels = 3;
  for (const Step& step : stem()) channels = loader.step(step.name, step, channels, step.name == stem()[2].name);
  for (const Block& block : blocks()) channels = loader.block(block, channels);
  classifier_ = weights.take("fc.weight", {classes, channels}).to(place);
  weights.check();
  convolutions_ = std::move(loader.convolutions);
}

Tensor Inception::block(const std::string& name, const Tensor& x) const {
  std::vector<Tensor> joined;
  for (const Block& block : blocks()) {
    if (block.name != name) continue;
    for (const Branch& branch : block.branches) {
      Tensor path = x;
      for (const Step& step : branch.steps) path = convolve(name + "." + step.name, path);
      for (const Step& step : branch.fork) joined.push_back(convolve(name + "." + step.name, path));
      if (branch.fork.empty()) joined.push_back(path);
    }
    const Tensor beside = pooled(x, block.pool);
    joined.push_back(block.pooled == 0 ? beside : convolve(name + ".branch_pool", beside));
  }
  return torch::cat(joined, 1);
}

Inception::Output Inception::operator()(const Tensor& images, std::int64_t layer) const {
  const torch::NoGradGuard no_gradients;
  const auto means = [](const Tensor& x) {
    return x.to(x.scalar_type() == torch::kFloat64 ? torch::kFloat64 : torch::kFloat32).mean(at::IntArrayRef{2, 3});
  };
  TORCH_CHECK(images.dim() == 4 && images.size(1) == 3 && images.size(2) == side && images.size(3) == side,
              "Inception: images ", images.sizes(), ", expected [B,3,", side, ",", side, "]");
  Tensor x = images.to(place_).contiguous(torch::MemoryFormat::ChannelsLast);
  for (std::size_t i = 0; i < stem().size(); ++i) {
    x = convolve(stem()[i].name, x);
    if (i == 2 || i == 4) x = halved(x);
    if ((i == 2 || i == 4) && x.size(1) == layer) return {means(x), {}};
  }
  for (const Block& each : blocks()) {
    x = block(each.name, x);
    if (layer == 768 && std::string(each.name) == "Mixed_6e") return {means(x), {}};
  }
  TORCH_CHECK(layer == x.size(1), "Inception: layer ", layer, ", expected 64, 192, 768 or 2048");
  const Tensor features = means(x);
  return {features, features.to(classifier_.scalar_type()).matmul(classifier_.t()).to(features.scalar_type())};
}

Tensor inception_input(const Tensor& images, Resampling how) {
  const Tensor sized = resample(images, Inception::side, Inception::side, how);
  return how == Resampling::torch_bilinear ? sized / 127.5 - 1 : (sized - 128) / 128;
}

}  // namespace cigli
