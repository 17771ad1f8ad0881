#include "eval/features/efficientnet_lite.h"

#include <torch/torch.h>

namespace cigli {

using torch::Tensor;

namespace {

constexpr double kEpsilon = 1e-3;  // of the batch normalisations
constexpr std::int64_t kStemWidth = 32;

struct Stage {
  std::int64_t kernel, stride, expansion, width, blocks;  // the stride is the first block's
};
constexpr Stage kStages[] = {{3, 1, 1, 16, 1},  {3, 2, 6, 24, 2},  {5, 2, 6, 40, 2}, {3, 2, 6, 80, 3},
                             {5, 1, 6, 112, 3}, {5, 2, 6, 192, 4}, {3, 1, 6, 320, 1}};

// The weights come from TensorFlow, whose `SAME` padding puts the odd pixel of a stride of 2 behind the image.
Tensor same(const Convolution& convolution, const Tensor& x) {
  const std::int64_t stride = convolution.stride[0], all = convolution.weight.size(2) - stride;
  if (stride == 1) return convolution(x);
  return convolution(torch::constant_pad_nd(x, {all / 2, all - all / 2, all / 2, all - all / 2}));
}

Tensor rectified(Tensor x) { return x.clamp_(0, 6); }

}  // namespace

EfficientNetLite0::EfficientNetLite0(PretrainedWeights& weights, const torch::TensorOptions& place) {
  const auto convolution = [&](const std::string& conv, const std::string& norm, at::IntArrayRef shape) {
    return folded(weights, conv, norm, shape, kEpsilon).to(place);
  };
  stem_ = convolution("_conv_stem", "_bn0", {kStemWidth, 3, 3, 3});
  stem_.stride = {2, 2};
  std::int64_t channels = kStemWidth;
  for (const Stage& stage : kStages) {
    for (std::int64_t i = 0; i < stage.blocks; ++i) {
      const std::string name = "_blocks." + std::to_string(blocks_.size()) + ".";
      const std::int64_t inner = channels * stage.expansion, stride = i == 0 ? stage.stride : 1;
      Block block;
      if (stage.expansion > 1)
        block.expand = convolution(name + "_expand_conv", name + "_bn0", {inner, channels, 1, 1});
      block.depthwise = convolution(name + "_depthwise_conv", name + "_bn1", {inner, 1, stage.kernel, stage.kernel});
      block.depthwise.groups = inner;
      block.depthwise.stride = {stride, stride};
      if (stride == 1) block.depthwise.padding = {stage.kernel / 2, stage.kernel / 2};
      block.project = convolution(name + "_project_conv", name + "_bn2", {stage.width, inner, 1, 1});
      block.residual = stride == 1 && channels == stage.width;
      blocks_.push_back(std::move(block));
      channels = stage.width;
    }
  }
  head_ = convolution("_conv_head", "_bn1", {width, channels, 1, 1});
  class_weight_ = weights.take("_fc.weight", {classes, width}).to(place.device());
  class_bias_ = weights.take("_fc.bias", {classes}).to(place.device());
  weights.check();
}

Tensor EfficientNetLite0::features(const Tensor& images) const {
  TORCH_CHECK(images.dim() == 4 && images.sizes().slice(1) == at::IntArrayRef({3, size, size}),
              "images [B,3,224,224]; got ", images.sizes());
  const torch::NoGradGuard no_gradients;
  Tensor x = ((images.to(stem_.weight.device(), torch::kFloat32) - 127) / 128).to(stem_.weight.scalar_type());
  x = rectified(same(stem_, x.contiguous(torch::MemoryFormat::ChannelsLast)));
  for (const Block& block : blocks_) {
    Tensor y = block.expand ? rectified((*block.expand)(x)) : x;
    y = block.project(rectified(same(block.depthwise, y)));
    x = block.residual ? x + y : y;
  }
  return rectified(head_(x)).to(torch::kFloat32).mean({2, 3});
}

Tensor EfficientNetLite0::logits(const Tensor& features) const {
  const torch::NoGradGuard no_gradients;
  return torch::addmm(class_bias_, features, class_weight_.t());
}

}  // namespace cigli
