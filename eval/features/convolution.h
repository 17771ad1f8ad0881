#pragma once

#include <torch/types.h>

#include <string>
#include <vector>

#include "encoders/pretrained.h"

namespace cigli {

// A convolution of a network that is only used, with its batch normalisation inside.
struct Convolution {
  torch::Tensor operator()(const torch::Tensor& x) const;   // [B,C,H,W] -> [B,D,H',W']; throws where x has another C
  Convolution to(const torch::TensorOptions& place) const;  // weights of this type and device, in channels-last order

  torch::Tensor weight;  // [D,C/groups,kh,kw]
  torch::Tensor bias;    // [D]
  std::vector<std::int64_t> stride = {1, 1}, padding = {0, 0};
  std::int64_t groups = 1;
};

// The convolution CONV.weight [D,C/groups,kh,kw], without bias, and the batch normalisation NORM.{weight,bias,
// running_mean,running_var} [D] behind it as one convolution in float64, which `to` rounds; stride 1, no padding,
// one group, for the caller to change. What is missing, `weights.check()` tells.
Convolution folded(PretrainedWeights& weights, const std::string& conv, const std::string& norm, at::IntArrayRef shape,
                   double epsilon);

}  // namespace cigli
