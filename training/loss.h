#pragma once

#include <torch/torch.h>

#include <cstdint>

#include "fusion/fusion.h"
#include "runtime/options.h"

namespace cigli {

struct LossOptions {
  double time_mean = -2.5;
  double time_std = 1.5;
  double drop_text = 0.1;
  double drop_both = 0.05;
  void visit(Fields& f);
};

// The random numbers of one batch: pair i of it is pair `first + i` of the whole training, and everything it draws is a
// function of (seed, that number) alone.
struct FlowDraw {
  torch::Tensor noise;  // [B,3,H,W] float32, standard normal, channels_last
  torch::Tensor t;      // [B] float32: sigmoid of a normal, 0 = noise, 1 = clean
  Visible visible;      // [B] bool each: inputs dropped for classifier-free guidance (Ho & Salimans 2022)
};
FlowDraw draw_flow(std::uint64_t seed, std::int64_t first, at::IntArrayRef shape, const LossOptions& options);
// The same on a device.
FlowDraw moved(const FlowDraw& draw, torch::Device device);

// x_t = t clean + (1 - t) noise (rectified flow, Liu et al. 2022), [B,3,H,W].
torch::Tensor interpolate(const torch::Tensor& clean, const torch::Tensor& noise, const torch::Tensor& t);

// Mean over the batch of mean((predicted - clean)^2) / max(1 - t, 0.1)^2: the flow's velocity error, expressed by the
// clean image that the network predicts and bounded near t = 1. Computed in float32.
torch::Tensor flow_loss(const torch::Tensor& predicted, const torch::Tensor& clean, const torch::Tensor& t);

}  // namespace cigli
