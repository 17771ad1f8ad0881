#include "training/loss.h"

#include <ATen/Parallel.h>

#include <cmath>

#include "runtime/philox.h"

namespace cigli {

void LossOptions::visit(Fields& f) {
  f("time_mean", time_mean, "flow: mean of the normal whose sigmoid is the time t (0 = noise, 1 = clean)",
    Range{-10, 10});
  f("time_std", time_std, "its standard deviation", Range{0, 10});
  f("drop_text", drop_text, "flow: share of pairs trained without their text", Range{0, 1});
  f("drop_both", drop_both, "flow: share of pairs trained without text and image prompt", Range{0, 1});
}

FlowDraw draw_flow(std::uint64_t seed, std::int64_t first, at::IntArrayRef shape, const LossOptions& options) {
  TORCH_CHECK(shape.size() == 4, "draw_flow expects the shape [B,3,H,W]; got ", shape);
  const std::int64_t batch = shape[0], values = shape[1] * shape[2] * shape[3];
  FlowDraw draw{torch::empty(shape, torch::TensorOptions().memory_format(torch::MemoryFormat::ChannelsLast)),
                torch::empty({batch}),
                {torch::empty({batch}, torch::kBool), torch::empty({batch}, torch::kBool)}};
  float* noise = draw.noise.data_ptr<float>();
  float* t = draw.t.data_ptr<float>();
  bool* text = draw.visible.text.data_ptr<bool>();
  bool* image = draw.visible.image.data_ptr<bool>();
  at::parallel_for(0, batch, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const auto pair = static_cast<std::uint64_t>(first + i);
      fill_normal(seed, 2 * pair, noise + i * values, values);
      Philox random(seed, 2 * pair + 1);
      t[i] = static_cast<float>(1 / (1 + std::exp(-(options.time_mean + options.time_std * random.normal()))));
      const double drop = random.uniform();
      image[i] = drop >= options.drop_both;
      text[i] = drop >= options.drop_both + options.drop_text;
    }
  });
  return draw;
}

FlowDraw moved(const FlowDraw& draw, torch::Device device) {
  return {draw.noise.to(device), draw.t.to(device), {draw.visible.text.to(device), draw.visible.image.to(device)}};
}

torch::Tensor interpolate(const torch::Tensor& clean, const torch::Tensor& noise, const torch::Tensor& t) {
  return torch::lerp(noise, clean, t.view({-1, 1, 1, 1}));
}

torch::Tensor flow_loss(const torch::Tensor& predicted, const torch::Tensor& clean, const torch::Tensor& t) {
  TORCH_CHECK(predicted.sizes() == clean.sizes() && t.dim() == 1 && t.size(0) == clean.size(0),
              "flow_loss expects predicted and clean [B,3,H,W] and t [B]; got ", predicted.sizes(), ", ", clean.sizes(),
              " and ", t.sizes());
  const torch::Tensor error = (predicted.to(torch::kFloat32) - clean).square().mean({1, 2, 3});
  return (error / (1 - t).clamp_min(0.1).square()).mean();
}

}  // namespace cigli
