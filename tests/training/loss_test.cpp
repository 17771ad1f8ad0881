#include "training/loss.h"

#include <gtest/gtest.h>

#include <cmath>

namespace cigli {
namespace {

using torch::Tensor;

TEST(FlowLoss, ClosedForm) {
  const Tensor clean = torch::zeros({2, 3, 4, 4});
  const Tensor predicted = torch::stack({torch::full({3, 4, 4}, 0.5), torch::full({3, 4, 4}, -2.0)});
  // 0.25 / 0.8^2 and 4 / 0.1^2: the weight stops growing at t = 0.9.
  const Tensor t = torch::tensor({0.2, 0.99});
  EXPECT_NEAR(flow_loss(predicted, clean, t).item<double>(), (0.25 / 0.64 + 400.0) / 2, 1e-3);
  EXPECT_NEAR(flow_loss(predicted.to(torch::kBFloat16), clean, t).item<double>(), (0.25 / 0.64 + 400.0) / 2, 1e-3);
  EXPECT_THROW(flow_loss(predicted, clean.slice(0, 0, 1), t), c10::Error);
}

TEST(FlowLoss, InterpolatesFromNoiseToClean) {
  const Tensor clean = torch::ones({3, 3, 2, 2}), noise = torch::full({3, 3, 2, 2}, -1.0);
  const Tensor x = interpolate(clean, noise, torch::tensor({0.0, 0.25, 1.0}));
  EXPECT_EQ(x[0].max().item<float>(), -1);
  EXPECT_EQ(x[1].min().item<float>(), -0.5);
  EXPECT_EQ(x[2].min().item<float>(), 1);
}

TEST(FlowDraw, IsAFunctionOfThePairAlone) {
  const LossOptions options;
  const FlowDraw all = draw_flow(7, 40, {8, 3, 8, 6}, options), part = draw_flow(7, 44, {3, 3, 8, 6}, options);
  EXPECT_TRUE(torch::equal(all.noise.slice(0, 4, 7), part.noise));
  EXPECT_TRUE(torch::equal(all.t.slice(0, 4, 7), part.t));
  EXPECT_TRUE(torch::equal(all.visible.text.slice(0, 4, 7), part.visible.text));
  EXPECT_FALSE(torch::equal(all.noise, draw_flow(8, 40, {8, 3, 8, 6}, options).noise));
  EXPECT_FALSE(torch::equal(all.noise[0], all.noise[1]));
}

TEST(FlowDraw, HasTheDistributionsAskedFor) {
  LossOptions options;
  options.time_mean = -1;
  options.time_std = 0.7;
  options.drop_text = 0.2;
  options.drop_both = 0.1;
  const std::int64_t n = 20000;
  const FlowDraw draw = draw_flow(1, 0, {n, 3, 2, 2}, options);
  const Tensor logit = torch::log(draw.t / (1 - draw.t));
  EXPECT_NEAR(logit.mean().item<double>(), -1, 0.02);
  EXPECT_NEAR(logit.std().item<double>(), 0.7, 0.02);
  EXPECT_NEAR(draw.noise.mean().item<double>(), 0, 0.01);
  EXPECT_NEAR(draw.noise.std().item<double>(), 1, 0.01);
  const Tensor text = draw.visible.text, image = draw.visible.image;
  const auto share = [&](const Tensor& rows) { return rows.sum().item<double>() / n; };
  EXPECT_NEAR(share(~text & image), 0.2, 0.012);
  EXPECT_NEAR(share(~text & ~image), 0.1, 0.01);
  EXPECT_EQ(share(text & ~image), 0);
}

}  // namespace
}  // namespace cigli
