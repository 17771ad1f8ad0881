#include "training/optimizer.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <limits>

#include "encoders/layers/linear.h"
#include "training/schedule.h"

namespace cigli {
namespace {

using torch::Tensor;
using Parameters = torch::OrderedDict<std::string, Tensor>;

// A matrix larger than a chunk, a convolution in channels_last, a 1x1 convolution and a bias.
Parameters make_parameters(torch::Dtype dtype = torch::kFloat32) {
  torch::manual_seed(5);
  Parameters p;
  p.insert("matrix", torch::randn({150, 131}).to(dtype).set_requires_grad(true));
  p.insert("conv",
           torch::randn({7, 5, 3, 3}).to(dtype).contiguous(torch::MemoryFormat::ChannelsLast).set_requires_grad(true));
  p.insert("point", torch::randn({6, 5, 1, 1}).to(dtype).set_requires_grad(true));
  p.insert("bias", torch::randn({19}).to(dtype).set_requires_grad(true));
  return p;
}

void set_gradients(Parameters& parameters, int step, double scale = 1) {
  torch::manual_seed(100 + step);
  for (auto& item : parameters) {
    const Tensor& p = item.value();
    p.mutable_grad() = (scale * torch::randn(p.sizes())).to(p.scalar_type());  // contiguous, even for channels_last
  }
}

double difference(const Tensor& a, const Tensor& b) { return (a - b).abs().max().item<double>(); }

TEST(Optimizer, EqualsTorchAdamWWithoutDecayOfVectors) {
  Parameters ours = make_parameters(), theirs = make_parameters();
  OptimizerOptions options;
  options.clip = 0;
  options.weight_decay = 0.1;
  Optimizer optimizer(ours, options);
  const auto reference = [&](std::vector<Tensor> p, double decay) {
    return torch::optim::AdamW(p, torch::optim::AdamWOptions(1e-2).betas({0.9, 0.99}).eps(1e-8).weight_decay(decay));
  };
  auto decayed = reference({theirs["matrix"], theirs["conv"], theirs["point"]}, 0.1);
  auto plain = reference({theirs["bias"]}, 0);
  for (int step = 0; step < 20; ++step) {
    set_gradients(ours, step);
    set_gradients(theirs, step);
    optimizer.step(step, 1e-2);
    decayed.step();
    plain.step();
  }
  for (const auto& item : ours) EXPECT_LT(difference(item.value(), theirs[item.key()]), 2e-6) << item.key();
}

TEST(Optimizer, ClipsByTheGlobalNorm) {
  Parameters p = make_parameters();
  OptimizerOptions options;
  options.clip = 0.5;
  Optimizer optimizer(p, options);
  set_gradients(p, 0);
  double squares = 0;
  for (const auto& item : p) squares += item.value().grad().square().sum().item<double>();
  EXPECT_NEAR(optimizer.step(0, 1e-3), std::sqrt(squares), 1e-4);
  for (std::size_t i = 0; i < optimizer.size(); ++i) {
    const Tensor expected = 0.1 * p[optimizer.name(i)].grad() * (0.5 / std::sqrt(squares));
    EXPECT_LT(difference(optimizer.view(Optimizer::first_moment, i), expected), 1e-8);
  }
}

TEST(Optimizer, AverageFollowsItsRamp) {
  Parameters p = make_parameters();
  OptimizerOptions options;
  options.ema = 0.3;
  Optimizer optimizer(p, options);
  Tensor expected = p["bias"].detach().clone();
  for (int step = 0; step < 6; ++step) {
    set_gradients(p, step);
    optimizer.step(step, 1e-2);
    const double keep = std::min(0.3, (1.0 + step) / (10.0 + step));
    expected = keep * expected + (1 - keep) * p["bias"].detach();
  }
  EXPECT_LT(difference(optimizer.view(Optimizer::average, 3), expected), 1e-6);
  EXPECT_GT(difference(optimizer.view(Optimizer::average, 3), p["bias"]), 1e-5);
}

TEST(Optimizer, KeepsFloat32MastersOfBfloat16Parameters) {
  Parameters p = make_parameters(torch::kBFloat16), exact = make_parameters();
  for (auto& item : exact) item.value().detach().copy_(p[item.key()]);
  Optimizer optimizer(p, {}), reference(exact, {});
  for (int step = 0; step < 30; ++step) {
    set_gradients(p, step);
    for (auto& item : exact) item.value().mutable_grad() = p[item.key()].grad().to(torch::kFloat32);
    // Far below what a bfloat16 of size 1 can represent: only the masters can add it up.
    optimizer.step(step, 1e-5);
    reference.step(step, 1e-5);
  }
  for (std::size_t i = 0; i < optimizer.size(); ++i) {
    const Tensor master = optimizer.view(Optimizer::master, i);
    EXPECT_TRUE(torch::equal(master, exact[optimizer.name(i)]));
    EXPECT_TRUE(torch::equal(master.to(torch::kBFloat16), p[optimizer.name(i)]));
  }
}

TEST(Optimizer, DoesNotDependOnTheNumberOfThreads) {
  const int threads = torch::get_num_threads();
  std::vector<Tensor> results;
  for (const int count : {1, 2}) {
    torch::set_num_threads(count);
    Parameters p = make_parameters();
    Optimizer optimizer(p, {});
    for (int step = 0; step < 5; ++step) {
      set_gradients(p, step);
      optimizer.step(step, 1e-2);
    }
    results.push_back(p["matrix"].detach().clone());
  }
  torch::set_num_threads(threads);
  EXPECT_TRUE(torch::equal(results[0], results[1]));
}

TEST(Optimizer, ChangesNothingOnANonFiniteGradient) {
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    Parameters p = make_parameters();
    Optimizer optimizer(p, {});
    const Tensor before = p["matrix"].detach().clone();
    set_gradients(p, 0);
    p["bias"].grad()[3] = bad;
    EXPECT_FALSE(std::isfinite(optimizer.step(0, 1e-2)));
    EXPECT_TRUE(torch::equal(before, p["matrix"]));
    EXPECT_EQ(optimizer.view(Optimizer::first_moment, 0).abs().max().item<double>(), 0);
  }
}

TEST(Optimizer, LeavesParametersWithoutGradientAlone) {
  Parameters p = make_parameters();
  Optimizer optimizer(p, {});
  const Tensor before = p["conv"].detach().clone();
  set_gradients(p, 0);
  p["conv"].mutable_grad().reset();
  optimizer.step(0, 1e-2);
  EXPECT_TRUE(torch::equal(before, p["conv"]));
}

TEST(Optimizer, WhatIsMadeOfParametersIsMadeAnewAfterAStep) {
  torch::manual_seed(8);
  Conv3x3 layer = conv3x3(16, 16);  // keeps filters made of its weights
  Optimizer optimizer(layer->named_parameters(), {});
  const torch::Tensor x = torch::randn({1, 16, 4, 4});
  const auto drawn = [&] {
    const torch::NoGradGuard no_grad;
    return layer(x);
  };
  const torch::Tensor before = drawn();
  layer(x).square().sum().backward();
  optimizer.step(0, 1e-2);
  EXPECT_FALSE(torch::allclose(drawn(), before, 1e-3, 1e-3));
  EXPECT_TRUE(torch::allclose(drawn(), torch::conv2d(x, layer->weight, layer->bias, 1, 1), 1e-4, 1e-5));
}

TEST(Optimizer, ShowsTheAverageAndTakesItBack) {
  Parameters p = make_parameters(torch::kBFloat16);
  Optimizer optimizer(p, {});
  for (int step = 0; step < 3; ++step) {
    set_gradients(p, step);
    optimizer.step(step, 1e-1);
  }
  const Tensor trained = p["conv"].detach().clone();
  optimizer.write_parameters(Optimizer::average);
  EXPECT_TRUE(torch::equal(p["conv"], optimizer.view(Optimizer::average, 1).to(torch::kBFloat16)));
  EXPECT_FALSE(torch::equal(p["conv"], trained));
  optimizer.write_parameters();
  EXPECT_TRUE(torch::equal(p["conv"], trained));
}

TEST(Schedule, WarmsUpStaysFlatAndFalls) {
  ScheduleOptions options;
  options.learning_rate = 2;
  options.warmup = 4;
  options.flat = 0.5;
  EXPECT_DOUBLE_EQ(learning_rate_at(options, 0, 0), 0.5);
  EXPECT_DOUBLE_EQ(learning_rate_at(options, 3, 0.1), 2);
  EXPECT_DOUBLE_EQ(learning_rate_at(options, 100, 0.5), 2);
  EXPECT_DOUBLE_EQ(learning_rate_at(options, 100, 0.75), 1);
  EXPECT_DOUBLE_EQ(learning_rate_at(options, 100, 1), 0);
  options.flat = 1;
  EXPECT_DOUBLE_EQ(learning_rate_at(options, 100, 1), 2);
  options.warmup = 0;
  EXPECT_DOUBLE_EQ(learning_rate_at(options, 0, 0), 2);
}

}  // namespace
}  // namespace cigli
