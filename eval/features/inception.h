#pragma once

#include <torch/types.h>

#include <map>
#include <string>

#include "encoders/pretrained.h"
#include "eval/features/convolution.h"
#include "eval/metrics/resampling.h"

namespace cigli {

// What InceptionV3 (Szegedy et al. 2016, table 1) makes of images: the network of the Fréchet Inception distance, whose
// weights came from TensorFlow's. Unlike torchvision's its average pools leave the padding out, its last block pools by
// the maximum, and it knows 1,008 classes.
class Inception {
 public:
  static constexpr std::int64_t side = 299, classes = 1008;

  // Weights as pytorch-fid distributes them. Throws Error naming those that are missing or misshapen.
  explicit Inception(PretrainedWeights& weights, const torch::TensorOptions& place = torch::kFloat32);

  struct Output {
    torch::Tensor features;  // [B,layer] float32 (float64 where the network is), the mean over places
    torch::Tensor logits;    // [B,1008], without the classifier's bias; layer 2048 alone
  };
  // Images [B,3,299,299] as the network takes them: about [-1,1]. `layer` is 64, 192, 768 or 2048: the width where the
  // features are taken, the pools of the stem or the last block of 17x17 or 8x8 places.
  Output operator()(const torch::Tensor& images, std::int64_t layer = 2048) const;

 private:
  torch::Tensor convolve(const std::string& name, const torch::Tensor& x) const {
    return convolutions_.at(name)(x).relu_();
  }
  torch::Tensor block(const std::string& name, const torch::Tensor& x) const;

  std::map<std::string, Convolution> convolutions_;
  torch::Tensor classifier_;  // [1008,2048]
  torch::TensorOptions place_;
};

// Images [B,3,H,W] with values in [0,255] as the network takes them: resampled, then to [-1,1] by x / 127.5 - 1 behind
// `torch_bilinear` (pytorch-fid), by (x - 128) / 128 behind the others (TensorFlow's preprocessing).
torch::Tensor inception_input(const torch::Tensor& images, Resampling how);

}  // namespace cigli
