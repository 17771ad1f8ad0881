#pragma once

#include <torch/types.h>

#include <optional>
#include <vector>

#include "encoders/pretrained.h"
#include "eval/features/convolution.h"

namespace cigli {

// EfficientNet-Lite0, trained on ImageNet: EfficientNet-B0 (Tan and Le 2019, table 1) with ReLU6 and without
// squeeze-and-excitation. A small network whose values tell images apart; its tensors are named as in the package
// efficientnet-lite-pytorch (`_conv_stem.weight`, `_blocks.K._bn1.bias`, `_fc.weight` ...).
class EfficientNetLite0 {
 public:
  static constexpr std::int64_t size = 224, width = 1280, classes = 1000;

  // Convolutions compute in the type and on the device of `place`; in bfloat16 a photograph's features are off by 2 to
  // 4% of their norm and come in half the time on CPUs that know it. Throws Error naming the tensors that are missing
  // or have another shape.
  explicit EfficientNetLite0(PretrainedWeights& weights, const torch::TensorOptions& place = torch::kFloat32);
  // RGB images [B,3,224,224] with values in [0,255] -> [B,1280] float32, the means over places before the classifier.
  torch::Tensor features(const torch::Tensor& images) const;
  // Scores of ImageNet's classes before the softmax, of features: [B,1280] -> [B,1000] float32.
  torch::Tensor logits(const torch::Tensor& features) const;

 private:
  // An inverted residual (Sandler et al. 2018): 1x1 to more channels, one filter a channel, 1x1 back to fewer.
  struct Block {
    std::optional<Convolution> expand;
    Convolution depthwise, project;
    bool residual;
  };

  Convolution stem_, head_;
  std::vector<Block> blocks_;
  torch::Tensor class_weight_, class_bias_;  // [1000,1280], [1000]
};

}  // namespace cigli
