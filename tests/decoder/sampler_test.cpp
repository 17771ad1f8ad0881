#include "decoder/sampler.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>

namespace cigli {
namespace {

using torch::Tensor;

SamplerOptions sampler(const std::string& method, std::int64_t steps) {
  SamplerOptions options;
  options.method = method;
  options.steps = steps;
  return options;
}

TEST(Sampler, AKnownImageIsReachedExactly) {
  const Tensor image = torch::rand({2, 3, 8, 8}) * 2 - 1;
  for (const char* method : {"euler", "heun"}) {
    const Tensor got =
        integrate([&](const Tensor&, const Tensor&) { return image; }, torch::randn_like(image), sampler(method, 4));
    EXPECT_LT((got - image).abs().max().item<double>(), 1e-5) << method;
  }
}

// Data ~ N(m, s^2): the expected clean image is m + t s^2 (x - t m) / (t^2 s^2 + (1-t)^2), and the flow carries noise z
// to m + s z exactly.
TEST(Sampler, ConvergesToTheGaussianFlowAtItsOrder) {
  const double mean = 0.3, deviation = 0.5;
  const auto clean = [&](const Tensor& x, const Tensor& time) {
    const double t = time[0].item<double>(), variance = deviation * deviation;
    return mean + t * variance * (x - t * mean) / (t * t * variance + (1 - t) * (1 - t));
  };
  const Tensor noise = torch::randn({1, 3, 8, 8}, torch::kFloat64);
  const Tensor exact = mean + deviation * noise;
  const auto error = [&](const char* method, std::int64_t steps) {
    return (integrate(clean, noise, sampler(method, steps)) - exact).abs().max().item<double>();
  };
  EXPECT_LT(error("euler", 512), 0.02);
  EXPECT_NEAR(std::log2(error("euler", 128) / error("euler", 256)), 1, 0.15);
  EXPECT_NEAR(std::log2(error("heun", 128) / error("heun", 256)), 2, 0.15);
}

// The same flow's exact map: x_s = s m + (x_t - t m) r(s) / r(t), with r^2 = t^2 s^2 + (1-t)^2. Its lines lead to the
// image in however few jumps.
TEST(Sampler, AnExactFlowMapReachesTheImageInAnyNumberOfJumps) {
  const double mean = 0.3, deviation = 0.5;
  const auto spread = [&](const Tensor& t) { return (t * t * deviation * deviation + (1 - t) * (1 - t)).sqrt(); };
  const auto end = [&](const Tensor& x, const Tensor& at, const Tensor& to) {
    const Tensor t = at.view({-1, 1, 1, 1}).to(torch::kFloat64), s = to.view({-1, 1, 1, 1}).to(torch::kFloat64);
    const Tensor there = s * mean + (x - t * mean) * spread(s) / spread(t);
    return x + (there - x) * (1 - t) / (s - t);
  };
  const Tensor noise = torch::randn({2, 3, 8, 8}, torch::kFloat64);
  for (const std::int64_t steps : {1, 2, 5}) {
    const Tensor got = follow(end, noise, sampler("euler", steps));
    EXPECT_LT((got - (mean + deviation * noise)).abs().max().item<double>(), 1e-5) << steps;
  }
}

TEST(RequestNoise, DependsOnSeedIdAndIndexAlone) {
  const Tensor a = request_noise(1, "x", 0, 64, 64);
  EXPECT_TRUE(torch::equal(a, request_noise(1, "x", 0, 64, 64)));
  EXPECT_FALSE(torch::equal(a, request_noise(2, "x", 0, 64, 64)));
  EXPECT_FALSE(torch::equal(a, request_noise(1, "y", 0, 64, 64)));
  EXPECT_FALSE(torch::equal(a, request_noise(1, "x", 1, 64, 64)));
  EXPECT_NEAR(a.mean().item<double>(), 0, 4 / std::sqrt(12288.0));
  EXPECT_NEAR(a.std().item<double>(), 1, 4 / std::sqrt(2 * 12288.0));
}

}  // namespace
}  // namespace cigli
