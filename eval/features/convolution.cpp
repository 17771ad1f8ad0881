#include "eval/features/convolution.h"

#include <torch/torch.h>

namespace cigli {

using torch::Tensor;

Tensor Convolution::operator()(const Tensor& x) const {
  return torch::conv2d(x, weight, bias, stride, padding, /*dilation=*/1, groups);
}

Convolution Convolution::to(const torch::TensorOptions& place) const {
  Convolution result = *this;
  result.weight = weight.to(place).contiguous(torch::MemoryFormat::ChannelsLast);
  result.bias = bias.to(place);
  return result;
}

Convolution folded(PretrainedWeights& weights, const std::string& conv, const std::string& norm, at::IntArrayRef shape,
                   double epsilon) {
  const auto take = [&](const std::string& part) {
    return weights.take(norm + "." + part, shape.slice(0, 1)).to(torch::kFloat64);
  };
  const Tensor scale = take("weight") / (take("running_var") + epsilon).sqrt();
  Convolution result;
  result.weight = weights.take(conv + ".weight", shape).to(torch::kFloat64) * scale.view({-1, 1, 1, 1});
  result.bias = take("bias") - take("running_mean") * scale;
  return result;
}

}  // namespace cigli
