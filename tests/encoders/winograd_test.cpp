#include "encoders/layers/winograd.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "encoders/layers/linear.h"

namespace cigli {
namespace {

using torch::Tensor;

struct Shape {
  std::int64_t batch, inputs, outputs, height, width;
};

void PrintTo(const Shape& s, std::ostream* out) {
  *out << s.batch << "x" << s.inputs << "x" << s.height << "x" << s.width << " to " << s.outputs;
}

class WinogradFilters : public testing::TestWithParam<Shape> {};
INSTANTIATE_TEST_SUITE_P(All, WinogradFilters,
                         testing::Values(Shape{1, 16, 16, 1, 1}, Shape{2, 48, 32, 1, 4}, Shape{1, 32, 16, 5, 7},
                                         Shape{3, 16, 80, 8, 8}, Shape{1, 192, 192, 8, 8}, Shape{2, 64, 48, 16, 16},
                                         Shape{5, 32, 64, 2, 3}, Shape{1, 128, 128, 17, 16}));

TEST_P(WinogradFilters, EqualTheSumOverTheFilter) {
  const Shape s = GetParam();
  torch::manual_seed(1);
  const Tensor x = torch::randn({s.batch, s.inputs, s.height, s.width}), bias = torch::randn({s.outputs});
  const Tensor weight = torch::randn({s.outputs, s.inputs, 3, 3});
  const auto exact = [](const Tensor& values) { return values.to(torch::kFloat64); };
  const Tensor expected = torch::conv2d(exact(x), exact(weight), exact(bias), 1, 1);
  for (const auto layout : {torch::MemoryFormat::Contiguous, torch::MemoryFormat::ChannelsLast}) {
    for (const std::int64_t side : {2, 4}) {
      const Tensor got = WinogradFilter(weight.contiguous(layout), side).convolve(x.contiguous(layout), bias);
      EXPECT_EQ(got.sizes(), expected.sizes());
      EXPECT_TRUE(got.is_contiguous(torch::MemoryFormat::ChannelsLast));
      const double error = ((exact(got) - expected).abs().max() / expected.abs().max()).item<double>();
      EXPECT_LT(error, side == 2 ? 2e-6 : 5e-6) << "tiles of " << side;
    }
  }
}

TEST_P(WinogradFilters, AnImageDoesNotDependOnItsBatchOrTheThreads) {
  const Shape s = GetParam();
  torch::manual_seed(2);
  const Tensor x = torch::randn({s.batch, s.inputs, s.height, s.width}), bias = torch::randn({s.outputs});
  const Tensor weight = torch::randn({s.outputs, s.inputs, 3, 3});
  for (const std::int64_t side : {2, 4}) {
    const WinogradFilter filter(weight, side);
    const int before = at::get_num_threads();
    at::set_num_threads(1);
    const Tensor all = filter.convolve(x, bias);
    for (const int threads : {2, 3, 7}) {
      at::set_num_threads(threads);
      EXPECT_TRUE(torch::equal(filter.convolve(x, bias), all)) << threads << " threads";
    }
    at::set_num_threads(before);
    for (std::int64_t i = 0; i < s.batch; ++i)
      EXPECT_TRUE(torch::equal(filter.convolve(x.slice(0, i, i + 1), bias)[0], all[i]));
  }
}

TEST_P(WinogradFilters, GradientsEqualThoseOfTheSum) {
  const Shape s = GetParam();
  torch::manual_seed(6);
  const auto leaf = [](const Tensor& values) { return values.detach().requires_grad_(); };
  const auto exact = [](const Tensor& values) { return values.detach().to(torch::kFloat64); };
  const Tensor x = leaf(torch::randn({s.batch, s.inputs, s.height, s.width})), bias = leaf(torch::randn({s.outputs}));
  const Tensor weight = leaf(torch::randn({s.outputs, s.inputs, 3, 3}));
  const Tensor gradient = torch::randn({s.batch, s.outputs, s.height, s.width});
  const std::vector<Tensor> inputs{leaf(exact(x)), leaf(exact(weight)), leaf(exact(bias))};
  const std::vector<Tensor> expected =
      torch::autograd::grad({torch::conv2d(inputs[0], inputs[1], inputs[2], 1, 1)}, inputs, {exact(gradient)});
  const int before = at::get_num_threads();
  std::vector<Tensor> first;
  for (const int threads : {1, 2, 5}) {
    at::set_num_threads(threads);
    const std::vector<Tensor> got =
        torch::autograd::grad({winograd_convolution(x, weight, bias)}, {x, weight, bias}, {gradient});
    for (std::size_t i = 0; i < got.size(); ++i) {
      EXPECT_LT(((exact(got[i]) - expected[i]).abs().max() / expected[i].abs().max()).item<double>(), 5e-6) << i;
      const bool ours = i < 2;
      EXPECT_TRUE(!ours || first.empty() || torch::equal(got[i], first[i])) << i << " with " << threads << " threads";
    }
    first = got;
  }
  at::set_num_threads(before);
}

TEST(WinogradConvolution, CanBeDifferentiatedTwice) {
  torch::manual_seed(7);
  const Tensor x = torch::randn({2, 16, 4, 5}).requires_grad_(), weight = torch::randn({32, 16, 3, 3}).requires_grad_();
  const Tensor bias = torch::randn({32}).requires_grad_();
  const auto penalty = [&](const Tensor& y) {  // R1: squared gradient by the input
    const Tensor slope = torch::autograd::grad({y.square().sum()}, {x}, {}, true, true)[0];
    return torch::autograd::grad({slope.square().sum()}, {x, weight});
  };
  const std::vector<Tensor> got = penalty(winograd_convolution(x, weight, bias));
  const std::vector<Tensor> expected = penalty(torch::conv2d(x, weight, bias, 1, 1));
  for (std::size_t i = 0; i < got.size(); ++i)
    EXPECT_LT(((got[i] - expected[i]).abs().max() / expected[i].abs().max()).item<double>(), 1e-5) << i;
}

// What passed a rectifier isn't centred, and then differences within a tile cancel.
TEST(WinogradFilter, IsAsExactOnWhatIsNotCentred) {
  torch::manual_seed(9);
  const Tensor x = torch::relu(torch::randn({2, 64, 16, 16}) + 1), weight = torch::randn({64, 64, 3, 3});
  const auto exact = [](const Tensor& values) { return values.to(torch::kFloat64); };
  const Tensor expected = torch::conv2d(exact(x), exact(weight), {}, 1, 1);
  for (const std::int64_t side : {2, 4}) {
    const Tensor got = WinogradFilter(weight, side).convolve(x, torch::zeros({64}));
    const double error = ((exact(got) - expected).abs().max() / expected.abs().max()).item<double>();
    EXPECT_LT(error, side == 2 ? 2e-6 : 5e-6) << "tiles of " << side;
  }
}

TEST(WinogradFilter, TakesPartOfTheInputs) {
  torch::manual_seed(10);
  const Tensor weight = torch::randn({32, 80, 3, 3}), x = torch::randn({2, 48, 9, 10});
  for (const std::int64_t first : {0, 32}) {
    const Tensor part = weight.slice(1, first, first + 48);
    const Tensor expected = torch::conv2d(x, part, {}, 1, 1);
    EXPECT_TRUE(torch::allclose(WinogradFilter(part, 4).convolve(x, torch::zeros({32})), expected, 1e-4, 1e-4));
  }
}

TEST(WinogradFilter, NotANumberSpoilsItsTilesAlone) {
  torch::manual_seed(3);
  Tensor x = torch::randn({2, 16, 17, 17});
  x[1][5][8][8] = std::numeric_limits<float>::quiet_NaN();
  for (const std::int64_t side : {2, 4}) {
    const Tensor y = WinogradFilter(torch::randn({16, 16, 3, 3}), side).convolve(x, torch::zeros({16}));
    EXPECT_FALSE(y[0].isnan().any().item<bool>());
    EXPECT_TRUE(y[1].slice(1, 7, 10).slice(2, 7, 10).isnan().all().item<bool>());
    EXPECT_FALSE(y[1].slice(1, 0, 4).isnan().any().item<bool>());  // a tile lies between
  }
}

TEST(WinogradConvolution, ComputesTheGradientsThatAreAskedFor) {
  torch::manual_seed(11);
  const Tensor x = torch::randn({2, 16, 8, 8}).requires_grad_(), weight = torch::randn({16, 16, 3, 3}).requires_grad_();
  const Tensor bias = torch::randn({16}).requires_grad_();
  const std::vector<Tensor> inputs{x, weight, bias};
  for (const bool again : {false, true})
    for (const Tensor& input : inputs) {
      const Tensor got =
          torch::autograd::grad({winograd_convolution(x, weight, bias).square().sum()}, {input}, {}, again, again)[0];
      const Tensor expected = torch::autograd::grad({torch::conv2d(x, weight, bias, 1, 1).square().sum()}, {input})[0];
      EXPECT_LT(((got - expected).abs().max() / expected.abs().max()).item<double>(), 1e-5);
    }
}

TEST(WinogradFilter, RefusesWhatItCannotDo) {
  EXPECT_THROW(WinogradFilter(torch::zeros({16, 12, 3, 3}), 2), c10::Error);
  EXPECT_THROW(WinogradFilter(torch::zeros({16, 16, 1, 1}), 4), c10::Error);
  EXPECT_THROW(WinogradFilter(torch::zeros({16, 16, 3, 3}), 3), c10::Error);
  const WinogradFilter filter(torch::zeros({16, 16, 3, 3}), 4);
  EXPECT_EQ(filter.convolve(torch::zeros({0, 16, 4, 4}), torch::zeros({16})).sizes(),
            torch::IntArrayRef({0, 16, 4, 4}));
  EXPECT_THROW(filter.convolve(torch::zeros({1, 32, 4, 4}), torch::zeros({16})), c10::Error);
  EXPECT_THROW(filter.convolve(torch::zeros({1, 16, 4, 4}, torch::kFloat64), torch::zeros({16})), c10::Error);
}

TEST(Conv3x3, ComputesTheSameWithAndWithoutGradients) {
  torch::manual_seed(4);
  const Tensor x = torch::randn({2, 32, 6, 6});
  struct Case {
    std::int64_t in, out, stride;
  };
  for (const Case& c : {Case{32, 48, 1}, Case{32, 48, 2}, Case{32, 20, 1}}) {
    Conv3x3 layer = conv3x3(c.in, c.out, c.stride);
    const Tensor trained = layer(x);
    EXPECT_TRUE(trained.requires_grad());
    const torch::NoGradGuard no_grad;
    EXPECT_TRUE(torch::allclose(layer(x), trained, 1e-4, 1e-5));
  }
}

TEST(Conv3x3, FollowsTheSizeOfItsImages) {
  torch::manual_seed(8);
  const torch::NoGradGuard no_grad;
  Conv3x3 layer = conv3x3(16, 32);
  for (const std::int64_t size : {4, 24, 4}) {  // in tiles of 2 and of 4 outputs
    const Tensor x = torch::randn({1, 16, size, size});
    const Tensor expected = torch::conv2d(x, layer->weight, layer->bias, 1, 1);
    EXPECT_TRUE(torch::allclose(layer(x), expected, 1e-4, 1e-5)) << size;
  }
}

TEST(Conv3x3, FollowsItsWeights) {
  torch::manual_seed(5);
  const torch::NoGradGuard no_grad;
  Conv3x3 layer = conv3x3(16, 16), other = conv3x3(16, 16);
  const Tensor x = torch::randn({1, 16, 4, 4});
  const Tensor first = layer(x);
  layer->weight.copy_(other->weight);
  layer->bias.copy_(other->bias);
  EXPECT_TRUE(torch::equal(layer(x), other(x)));
  EXPECT_FALSE(torch::equal(layer(x), first));
  layer->weight.set_data(2 * other->weight);
  layer->bias.mul_(2);
  EXPECT_TRUE(torch::allclose(layer(x), 2 * other(x), 1e-5, 1e-6));
  layer->to(torch::kFloat64);
  EXPECT_EQ(layer(x.to(torch::kFloat64)).scalar_type(), torch::kFloat64);
}

}  // namespace
}  // namespace cigli
