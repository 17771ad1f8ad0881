#include "decoder/sampler.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <vector>

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
        integrate({[&](const Tensor&, const Tensor&) { return image; }}, torch::randn_like(image), sampler(method, 4));
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
    return (integrate({clean}, noise, sampler(method, steps)) - exact).abs().max().item<double>();
  };
  EXPECT_LT(error("euler", 512), 0.02);
  EXPECT_NEAR(std::log2(error("euler", 128) / error("euler", 256)), 1, 0.15);
  EXPECT_NEAR(std::log2(error("heun", 128) / error("heun", 256)), 2, 0.15);
}

TEST(Sampler, OnePassAStepEqualsTheFormulasInFloat64) {
  torch::manual_seed(31);
  const Tensor noise = torch::randn({2, 3, 5, 7});
  const Tensor maps = torch::randn({3, 3, 5, 7});
  for (const torch::Dtype type : {torch::kFloat32, torch::kBFloat16})
    for (const torch::MemoryFormat layout : {torch::MemoryFormat::Contiguous, torch::MemoryFormat::ChannelsLast})
      for (const char* method : {"euler", "heun"}) {
        const auto branches = [&](const Tensor& x, const Tensor& t) {
          std::vector<Tensor> each;
          for (std::int64_t k = 0; k < 3; ++k)
            each.push_back(torch::tanh(x * (0.5 + 0.1 * k) + maps[k].to(x.scalar_type()) * t[0].item<double>()));
          return torch::cat(each).to(type).contiguous(layout);
        };
        const auto widened = [&](const Tensor& x, const Tensor& t) {  // rounded alike
          return branches(x.to(torch::kFloat32), t).to(torch::kFloat64);
        };
        const std::vector<double> factors{2.5, -1, -0.5};
        const Tensor got = integrate({branches, factors}, noise, sampler(method, 2));
        const Tensor exact = integrate({widened, factors}, noise.to(torch::kFloat64), sampler(method, 2));
        const double bound = type == torch::kFloat32 ? 2e-6 : 0.02;  // a prediction may round the other way
        EXPECT_LT((got - exact).abs().max().item<double>(), bound) << method << " " << type;
        EXPECT_EQ(got.scalar_type(), torch::kFloat32);
        EXPECT_TRUE(got.is_contiguous(layout));
      }
}

TEST(Sampler, RefusesPredictionsOfAnotherShape) {
  const auto one = [](const Tensor& x, const Tensor&) { return x; };
  const Tensor noise = torch::randn({2, 3, 4, 4});
  EXPECT_THROW(integrate({one, {1, 1}}, noise, sampler("euler", 2)), c10::Error);
  EXPECT_THROW(integrate({one, {}}, noise, sampler("euler", 2)), c10::Error);
  EXPECT_THROW(integrate({one, {1, 1, 1, 1, 1}}, noise, sampler("euler", 2)), c10::Error);
  EXPECT_THROW(integrate({one, {1}}, noise[0], sampler("euler", 2)), c10::Error);
}

// The Gaussian flow's exact map: x_s = s m + (x_t - t m) r(s) / r(t), with r^2 = t^2 s^2 + (1-t)^2. Its lines lead to
// the image in however few jumps.
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
