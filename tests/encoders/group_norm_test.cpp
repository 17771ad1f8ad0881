#include "encoders/layers/group_norm.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <tuple>
#include <vector>

namespace cigli {
namespace {

using torch::Tensor;

// Output and gradients (of x, weight, bias, modulation) of one computation, in float64.
std::vector<Tensor> outcome(const Tensor& y, std::vector<Tensor> inputs, const Tensor& gradient) {
  std::vector<Tensor> all{y};
  for (const Tensor& g : torch::autograd::grad({y}, inputs, {gradient.to(y.scalar_type())})) all.push_back(g);
  for (Tensor& each : all) each = each.detach().to(torch::kFloat64).contiguous();
  return all;
}

double relative_distance(const Tensor& a, const Tensor& b) {
  return ((a - b).abs().max() / b.abs().max().clamp_min(1e-12)).item<double>();
}

// (type, modulated, relu, channels, mean of x)
class AdaptiveGroupNorms : public testing::TestWithParam<std::tuple<torch::Dtype, bool, bool, int, double>> {};
INSTANTIATE_TEST_SUITE_P(All, AdaptiveGroupNorms,
                         testing::Combine(testing::Values(torch::kFloat32, torch::kBFloat16), testing::Bool(),
                                          testing::Bool(), testing::Values(32, 80, 128), testing::Values(0.0, 20.0)));

TEST_P(AdaptiveGroupNorms, EqualsTheComposedOperations) {
  const auto [type, modulated, relu, channels, mean] = GetParam();
  torch::manual_seed(5);
  const auto leaf = [type = type](const Tensor& values) { return values.to(type).detach().requires_grad_(); };
  AdaptiveGroupNorm norm(channels, 16, relu);
  norm->to(type);
  {
    const torch::NoGradGuard no_grad;
    norm->weight.copy_(torch::randn({channels}));
    norm->bias.copy_(torch::randn({channels}));
  }
  const Tensor x = leaf((torch::randn({3, channels, 5, 7}) + mean).contiguous(torch::MemoryFormat::ChannelsLast));
  const Tensor modulation = modulated ? leaf(torch::randn({3, 2 * channels})) : Tensor();
  const Tensor gradient = torch::randn({3, channels, 5, 7});
  std::vector<Tensor> inputs{x, norm->weight, norm->bias};
  if (modulated) inputs.push_back(modulation);
  const std::vector<Tensor> got = outcome(norm(x, modulation), inputs, gradient);

  // The reference sees the same (rounded) values, in float64.
  std::vector<Tensor> exact;
  for (const Tensor& each : inputs) exact.push_back(each.detach().to(torch::kFloat64).requires_grad_());
  const Tensor rounded = gradient.to(type).to(torch::kFloat64);
  const std::vector<Tensor> expected =
      outcome(compose_group_norm(exact[0], channels / 16, exact[1], exact[2], modulated ? exact[3] : Tensor(), relu),
              exact, rounded);
  const double bound = type == torch::kFloat32 ? 2e-5 : 1e-2;
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_LT(relative_distance(got[i], expected[i]), bound) << "of " << i;
}

TEST(AdaptiveGroupNorm, ASampleDoesNotDependOnItsBatchOrTheThreads) {
  torch::manual_seed(6);
  const int before = at::get_num_threads();
  struct Case {
    std::int64_t batch, channels, side, group;
  };
  for (const Case& c : {Case{5, 64, 8, 16}, Case{1, 128, 16, 16}, Case{1, 144, 12, 24}, Case{2, 80, 24, 16}}) {
    AdaptiveGroupNorm norm(c.channels, c.group, true);
    const std::vector<std::int64_t> shape{c.batch, c.channels, c.side, c.side};
    const Tensor x = torch::randn(shape).requires_grad_(), gradient = torch::randn(shape);
    const Tensor film = torch::randn({c.batch, 2 * c.channels}).requires_grad_();
    const std::vector<Tensor> inputs{x, film, norm->weight, norm->bias};
    at::set_num_threads(1);
    const Tensor all = norm(x, film);
    const std::vector<Tensor> gradients = torch::autograd::grad({all}, inputs, {gradient});
    for (const int threads : {2, 3, 5}) {
      at::set_num_threads(threads);
      const Tensor again = norm(x, film);
      EXPECT_TRUE(torch::equal(again, all)) << c.channels << " channels, " << threads << " threads";
      const std::vector<Tensor> others = torch::autograd::grad({again}, inputs, {gradient});
      for (std::size_t i = 0; i < others.size(); ++i)
        EXPECT_TRUE(torch::equal(others[i], gradients[i])) << i << " of " << c.channels << " channels, " << threads;
    }
    at::set_num_threads(before);
    for (std::int64_t i = 0; i < c.batch; ++i)
      EXPECT_TRUE(torch::equal(norm(x.slice(0, i, i + 1), film.slice(0, i, i + 1))[0], all[i]));
  }
}

TEST(AdaptiveGroupNorm, TakesAnyLayoutAndGroup) {
  torch::manual_seed(8);
  const Tensor wide = torch::randn({2, 96, 6, 5});
  const Tensor layouts[] = {wide.slice(1, 0, 64).contiguous(),                                    // NCHW
                            wide.contiguous(torch::MemoryFormat::ChannelsLast).slice(1, 16, 80),  // of others
                            torch::randn({1, 64, 6, 5}).expand({2, 64, 6, 5}),                    // repeated
                            wide.slice(1, 0, 64).slice(2, 0, 1).slice(3, 0, 1)};                  // one place
  for (const std::int64_t group : {8, 16, 32, 64})
    for (const Tensor& layout : layouts) {
      AdaptiveGroupNorm norm(64, group, true);
      const Tensor x = layout.detach().requires_grad_();
      const Tensor expected = compose_group_norm(x, 64 / group, norm->weight, norm->bias, {}, true), got = norm(x);
      EXPECT_TRUE(torch::allclose(got, expected, 1e-4, 1e-4)) << x.strides() << " group " << group;
      const Tensor gradient = torch::ones({1}).expand(got.sizes());
      EXPECT_TRUE(torch::allclose(torch::autograd::grad({got}, {x}, {gradient})[0],
                                  torch::autograd::grad({expected}, {x}, {gradient})[0], 1e-3, 1e-3))
          << x.strides() << " group " << group;
    }
}

TEST(AdaptiveGroupNorm, TakesChannelsThatFillNoVector) {
  torch::manual_seed(9);
  for (const std::int64_t channels : {1, 6, 20, 41, 90}) {
    AdaptiveGroupNorm norm(channels, channels % 5 == 0 ? 5 : channels, false);
    const Tensor x = torch::randn({3, channels, 3, 5}).requires_grad_();  // NCHW
    const Tensor film = torch::randn({3, 2 * channels}).requires_grad_(), gradient = torch::randn({3, channels, 3, 5});
    const std::vector<Tensor> inputs{x, norm->weight, norm->bias, film};
    const std::vector<Tensor> got = outcome(norm(x, film), inputs, gradient);
    EXPECT_TRUE(norm(x, film).is_contiguous(torch::MemoryFormat::ChannelsLast));
    const std::vector<Tensor> expected =
        outcome(compose_group_norm(x, norm->groups, norm->weight, norm->bias, film, false), inputs, gradient);
    for (std::size_t i = 0; i < got.size(); ++i)
      EXPECT_LT(relative_distance(got[i], expected[i]), 1e-5) << i << " of " << channels << " channels";
  }
}

TEST(AdaptiveGroupNorm, NotANumberPassesThrough) {
  for (const torch::Dtype type : {torch::kFloat32, torch::kBFloat16}) {
    AdaptiveGroupNorm norm(32, 16, true);
    norm->to(type);
    Tensor x = torch::randn({1, 32, 4, 4}).to(type);
    x[0][3][1][1] = std::numeric_limits<float>::quiet_NaN();
    const Tensor y = norm(x);
    EXPECT_TRUE(std::isnan(y[0][3][1][1].item<float>()));
    EXPECT_TRUE(y[0].slice(0, 0, 16).isnan().all().item<bool>());    // its group
    EXPECT_FALSE(y[0].slice(0, 16, 32).isnan().any().item<bool>());  // the other one
  }
}

TEST(AdaptiveGroupNorm, RefusesWhatItCannotDo) {
  EXPECT_THROW(AdaptiveGroupNorm(40, 16, true), c10::Error);
  AdaptiveGroupNorm norm(32, 16, true);
  EXPECT_THROW(norm(torch::zeros({1, 48, 4, 4})), c10::Error);
  EXPECT_THROW(norm(torch::zeros({1, 32, 0, 4})), c10::Error);
  EXPECT_THROW(norm(torch::zeros({1, 32, 4, 4}), torch::zeros({1, 32})), c10::Error);
  const Tensor x = torch::randn({1, 32, 4, 4}).requires_grad_();
  EXPECT_THROW(torch::autograd::grad({norm(x).sum()}, {x}, {}, true, true), c10::Error);
}

TEST(AdaptiveGroupNorm, OtherTypesTakeTheComposedPath) {
  torch::manual_seed(7);
  AdaptiveGroupNorm norm(24, 8, false);
  norm->to(torch::kFloat64);
  const Tensor x = torch::randn({2, 24, 3, 3}, torch::kFloat64);
  EXPECT_TRUE(torch::allclose(norm(x), torch::group_norm(x, 3, norm->weight, norm->bias)));
}

}  // namespace
}  // namespace cigli
