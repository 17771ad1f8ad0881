#pragma once

#include <torch/types.h>

#include <vector>

#include "encoders/pretrained.h"
#include "eval/features/convolution.h"

namespace cigli {

// Learned perceptual image patch similarity (Zhang et al. 2018, eq. 1) v0.1: a distance, 0 for equal images. The
// network is AlexNet, VGG-16 or SqueezeNet 1.1, told by the names in the weights, which are those of the package lpips:
// `torch.save(lpips.LPIPS(net="alex").state_dict(), file)`.
class Lpips {
 public:
  // Computes in the dtype and on the device of `options`. Throws Error where the names are of no such network, or
  // naming the tensors that are missing or have another shape.
  explicit Lpips(PretrainedWeights& weights, const torch::TensorOptions& options = torch::kFloat32);
  // RGB images [B,3,H,W] with values in [0,1], one shape -> [B] float64. Throws Error where a side is shorter than the
  // network's pooling takes: 31 pixels with AlexNet, 16 with VGG, 17 with SqueezeNet.
  torch::Tensor operator()(const torch::Tensor& images, const torch::Tensor& targets) const;
  // The layers' shares of it, [B,L] float64. Throws the same.
  torch::Tensor layers(const torch::Tensor& images, const torch::Tensor& targets) const;

  const char* network() const;  // alex, vgg or squeeze

 private:
  struct Network;  // what the three differ in
  struct Layer {
    bool pool, compared;                    // max pooling before it; its output is compared
    std::vector<Convolution> convolutions;  // one, or a fire module's three: squeeze, expand 1x1, expand 3x3
  };

  static const Network& told_by_names(const PretrainedWeights& weights);
  torch::Tensor forward(const Layer& layer, torch::Tensor x) const;

  const Network& network_;
  torch::TensorOptions options_;
  std::vector<Layer> layers_;
  std::vector<torch::Tensor> importance_;  // of the channels of what is compared, [C,1,1]
};

}  // namespace cigli
