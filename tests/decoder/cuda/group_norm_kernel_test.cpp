#include "decoder/cuda/group_norm_kernel.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <tuple>
#include <vector>

namespace cigli {
namespace {

using torch::Tensor;

struct Sizes {
  std::int64_t batch, height, width, channels, group;
};

// Everything of one run, x and its like [B,places,C].
struct GroupNormRun {
  GroupNormRun(const Sizes& s, torch::Dtype type, bool relu) : sizes(s), type(type), relu(relu) {
    x = (torch::randn({s.batch, s.height * s.width, s.channels}) + 2).to(type);
    gradient = torch::randn_like(x);
    y = torch::empty_like(x);
    result = torch::empty_like(x);
    weight = torch::randn({s.channels});
    bias = torch::randn({s.channels});
    modulation = torch::randn({s.batch, 2 * s.channels});
    for (Tensor* each : {&scale, &shift, &mean, &inverse, &sum, &product}) *each = torch::empty({s.batch, s.channels});
  }

  void compute(bool modulated, int threads) {
    type == torch::kFloat32 ? compute<float>(modulated, threads) : compute<std::uint16_t>(modulated, threads);
  }

  template <class T>
  void compute(bool modulated, int threads) {
    const GroupNormShape shape{sizes.batch, sizes.height * sizes.width, sizes.channels, sizes.group, relu};
    const auto values = [](const Tensor& each) { return static_cast<T*>(each.data_ptr()); };
    const auto floats = [](const Tensor& each) { return each.data_ptr<float>(); };
    const float* film = modulated ? floats(modulation) : nullptr;
    group_norm(GroupNormForward<T>{shape, values(x), floats(weight), floats(bias), film, floats(scale), floats(shift),
                                   floats(mean), floats(inverse), values(y)},
               threads);
    group_norm(
        GroupNormBackward<T>{shape, values(x), values(gradient), floats(weight), film, floats(scale), floats(shift),
                             floats(mean), floats(inverse), floats(sum), floats(product), values(result)},
        threads);
  }

  Sizes sizes;
  torch::Dtype type;
  bool relu;
  Tensor x, gradient, y, result, weight, bias, modulation, scale, shift, mean, inverse, sum, product;
};

double share_of_largest(const Tensor& got, const Tensor& expected) {
  return ((got.to(torch::kFloat64) - expected).abs().max() / expected.abs().max()).item<double>();
}

// (type, relu, modulated)
class GroupNormKernels : public testing::TestWithParam<std::tuple<torch::Dtype, bool, bool>> {};
INSTANTIATE_TEST_SUITE_P(All, GroupNormKernels,
                         testing::Combine(testing::Values(torch::kFloat32, torch::kBFloat16), testing::Bool(),
                                          testing::Bool()));

TEST_P(GroupNormKernels, EqualLibTorchInFloat64) {
  const auto [type, relu, modulated] = GetParam();
  torch::manual_seed(11);
  for (const Sizes& s : {Sizes{2, 5, 7, 32, 16}, Sizes{3, 1, 1, 24, 8}, Sizes{2, 7, 7, 20, 5}, Sizes{1, 3, 3, 7, 7},
                         Sizes{2, 9, 7, 80, 16}, Sizes{1, 1, 3, 510, 255}, Sizes{1, 33, 31, 41, 1}}) {
    GroupNormRun run(s, type, relu);
    run.compute(modulated, 2);
    const auto exact = [](const Tensor& each) { return each.to(torch::kFloat64); };
    const Tensor x = exact(run.x).requires_grad_();
    const Tensor places_last = x.transpose(1, 2);
    const std::vector<Tensor> film = exact(run.modulation).unsqueeze(-1).chunk(2, 1);
    Tensor z = torch::group_norm(places_last, s.channels / s.group, exact(run.weight), exact(run.bias));
    if (modulated) z = z * (1 + film[0]) + film[1];
    const Tensor y = (relu ? torch::relu(z) : z).transpose(1, 2);
    const Tensor gradient = torch::autograd::grad({y}, {x}, {exact(run.gradient)})[0];
    const double bound = type == torch::kFloat32 ? 1e-5 : 1e-2;
    EXPECT_LE(share_of_largest(run.y, y), bound) << s.channels << " channels";
    EXPECT_LE(share_of_largest(run.result, gradient), bound) << s.channels << " channels";
  }
}

TEST(GroupNormKernel, GradientIsTheForwardPassesDifferenceQuotient) {
  torch::manual_seed(12);
  constexpr double step = 1e-3;
  for (const bool relu : {false, true}) {
    GroupNormRun run({2, 3, 1, 6, 3}, torch::kFloat32, relu);
    run.compute(true, 1);
    const Tensor gradient = run.result.clone();
    float* const x = run.x.data_ptr<float>();
    std::int64_t compared = 0;
    for (std::int64_t i = 0; i < run.x.numel(); ++i) {
      const float before = x[i];
      const auto at = [&](double offset) {
        x[i] = static_cast<float>(before + offset);
        run.compute(true, 1);
        x[i] = before;
        return run.y.to(torch::kFloat64);
      };
      const Tensor above = at(step), below = at(-step);
      if (!torch::equal(above > 0, below > 0)) continue;  // across the bend of ReLU
      const double quotient = ((above - below) * run.gradient).sum().item<double>() / (2 * step);
      EXPECT_NEAR(gradient.view({-1})[i].item<double>(), quotient, 5e-3) << i;
      ++compared;
    }
    EXPECT_GT(compared, run.x.numel() / 2);
  }
}

TEST(GroupNormKernel, DoesNotDependOnTheThreads) {
  torch::manual_seed(13);
  for (const auto type : {torch::kFloat32, torch::kBFloat16})
    for (const Sizes& s : {Sizes{1, 32, 32, 41, 1}, Sizes{1, 32, 32, 224, 16}, Sizes{3, 16, 16, 72, 24}}) {
      GroupNormRun run(s, type, true);
      run.compute(true, 1);
      const Tensor y = run.y.clone(), result = run.result.clone();
      for (const int threads : {2, 3, 7}) {
        run.compute(true, threads);
        EXPECT_TRUE(torch::equal(run.y, y)) << type << ", " << s.channels << " channels, " << threads << " threads";
        EXPECT_TRUE(torch::equal(run.result, result))
            << type << ", " << s.channels << " channels, " << threads << " threads";
      }
    }
}

}  // namespace
}  // namespace cigli
