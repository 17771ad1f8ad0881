#include "decoder/unet.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

namespace cigli {
namespace {

using torch::Tensor;

// In float32 convolutions are filtered, and noise and prompt have shares of the first that are summed apart; in float64
// LibTorch sums all.
TEST(UNet, FilteredConvolutionsAreLibTorchs) {
  torch::manual_seed(21);
  DecoderOptions options;
  options.widths = {32, 48};
  options.blocks = {1, 1};
  ConditionWidths widths;
  widths.pooled = 16;
  widths.prompt = 3;
  const Denoiser network = make_denoiser(options, widths, 48, 32);
  {
    const torch::NoGradGuard no_grad;
    for (Tensor& p : network->parameters()) p.normal_(0, 0.08);
  }
  const Tensor x = torch::randn({2, 3, 48, 32}), t = torch::tensor({0.2, 0.7});
  const Tensor pooled = torch::randn({2, 16}), prompt = torch::randn({2, 3, 48, 32});
  const auto drawn = [&](torch::ScalarType type) {
    network->to(type);
    network->zero_grad();
    Condition condition;
    condition.pooled = pooled.to(type);
    condition.prompt = prompt.to(type);
    return network->forward(x.to(type), t, network->read(condition));
  };
  const auto slope = [&](const Tensor& y) {
    y.square().mean().backward();
    return network->named_parameters()["in.weight"].grad().to(torch::kFloat64);
  };
  const Tensor y = drawn(torch::kFloat32), gradient = slope(y);
  const Tensor expected = drawn(torch::kFloat64), expected_gradient = slope(expected);
  EXPECT_TRUE(torch::allclose(y.to(torch::kFloat64), expected, 1e-4, 1e-5));
  EXPECT_TRUE(torch::allclose(gradient, expected_gradient, 1e-3, 1e-5 * expected_gradient.abs().max().item<double>()));
  const torch::NoGradGuard no_grad;  // filters are kept
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(torch::allclose(drawn(torch::kFloat32), y, 1e-4, 1e-5));
}

}  // namespace
}  // namespace cigli
