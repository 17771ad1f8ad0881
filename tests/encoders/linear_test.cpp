#include "encoders/layers/linear.h"

#include <gtest/gtest.h>

namespace cigli {
namespace {

namespace nn = torch::nn;
using torch::Tensor;

TEST(Layers, BeginAsLibTorchsDo) {
  torch::manual_seed(3);
  const nn::Linear own = linear_layer(5, 7);
  const Conv3x3 own3x3 = conv3x3(4, 6, 2);
  const nn::Conv2d own1x1 = conv1x1(6, 2);
  torch::manual_seed(3);
  const nn::Linear theirs(5, 7);
  const nn::Conv2d theirs3x3(nn::Conv2dOptions(4, 6, 3).padding(1).stride(2)), theirs1x1(nn::Conv2dOptions(6, 2, 1));
  EXPECT_TRUE(torch::equal(own->weight, theirs->weight) && torch::equal(own->bias, theirs->bias));
  EXPECT_TRUE(torch::equal(own3x3->weight, theirs3x3->weight) && torch::equal(own3x3->bias, theirs3x3->bias));
  EXPECT_TRUE(torch::equal(own1x1->weight, theirs1x1->weight) && torch::equal(own1x1->bias, theirs1x1->bias));
  EXPECT_EQ(zero_linear(5, 7)->weight.abs().sum().item<float>(), 0);
}

TEST(Layers, DrawNoWeightsWhereTheyFollow) {
  const auto next_after = [](std::int64_t width) {  // what random numbers go on with
    torch::manual_seed(4);
    linear_layer(width, width);
    conv3x3(width, width);
    return torch::rand({3});
  };
  EXPECT_FALSE(torch::equal(next_after(2), next_after(50)));
  nn::Linear dense{nullptr}, zero{nullptr};
  Conv3x3 strided{nullptr};
  nn::Conv2d point{nullptr};
  {
    const WeightsFollow outer(100000);
    { const WeightsFollow inner(1); }
    EXPECT_TRUE(torch::equal(next_after(2), next_after(50)));
    dense = linear_layer(5, 7);
    zero = zero_linear(7, 2);
    strided = conv3x3(4, 6, 2);
    point = conv1x1(6, 2);
  }
  EXPECT_FALSE(torch::equal(next_after(2), next_after(50)));

  // Once they have weights they are what they would have been.
  nn::Linear theirs(5, 7);
  nn::Conv2d theirs3x3(nn::Conv2dOptions(4, 6, 3).padding(1).stride(2)), theirs1x1(nn::Conv2dOptions(6, 2, 1));
  const torch::NoGradGuard no_grad;
  const auto as = [](const auto& layer, const auto& other) {
    const auto own = layer->named_parameters();
    for (const auto& item : own) {
      const Tensor value = other->named_parameters()[item.key()];
      EXPECT_TRUE(item.value().requires_grad());
      EXPECT_EQ(item.value().sizes(), value.sizes());
      item.value().copy_(value);
    }
  };
  as(dense, theirs);
  as(strided, theirs3x3);
  as(point, theirs1x1);
  const Tensor row = torch::randn({2, 5}), image = torch::randn({2, 4, 9, 8});
  EXPECT_TRUE(torch::equal(dense(row), theirs->forward(row)));
  const Tensor half = strided(image);
  EXPECT_TRUE(torch::equal(half, theirs3x3->forward(image)));
  EXPECT_TRUE(torch::equal(point(half), theirs1x1->forward(half)));
  EXPECT_EQ(dense->options.in_features(), 5);
  EXPECT_EQ(strided->options.out_channels(), 6);
  EXPECT_EQ(zero->weight.sizes(), torch::IntArrayRef({2, 7}));
}

}  // namespace
}  // namespace cigli
