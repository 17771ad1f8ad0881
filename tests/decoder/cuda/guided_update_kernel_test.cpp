#include "decoder/cuda/guided_update_kernel.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <vector>

namespace cigli {
namespace {

using torch::Tensor;

template <class T>
void expect_formula(std::int64_t count, int branches, const StepFactors& step) {
  const bool half = sizeof(T) == 2;
  const float factors[] = {3.5F, -1.5F, -1.0F};
  const Tensor x = torch::randn({count}), e = torch::randn({count}), made = torch::full({count}, 7.0F);
  const Tensor clean = torch::randn({branches, count}).to(half ? torch::kBFloat16 : torch::kFloat32);
  GuidedUpdate<T> update{count,    step, x.data_ptr<float>(),   e.data_ptr<float>(), static_cast<T*>(clean.data_ptr()),
                         branches, {},   made.data_ptr<float>()};
  if (step.p == 0) update.x = nullptr;
  if (step.q == 0) update.e = nullptr;
  std::copy(factors, factors + branches, update.factors);
  guided_update(update, 2);
  Tensor expected = x.to(torch::kFloat64) * step.p + e.to(torch::kFloat64) * step.q;
  Tensor largest = (x * step.p).abs() + (e * step.q).abs();
  for (int k = 0; k < branches; ++k) {
    const Tensor term = clean[k].to(torch::kFloat64) * factors[k] * step.r;
    expected = expected + term;
    largest = largest + term.abs();
  }
  EXPECT_LE(((made - expected).abs() / largest.clamp_min(1e-6)).max().item<double>(), 3e-7)
      << count << " values, " << branches << " branches";
}

TEST(GuidedUpdateKernel, IsTheFormula) {
  torch::manual_seed(21);
  const StepFactors last{0, 0, 1}, euler{0.8F, 0, 0.2F}, heun{0.5F, -0.75F, 1.25F};
  for (const std::int64_t count : {1, 7, 8, 105, 40001})
    for (const int branches : {1, 2, 3})
      for (const StepFactors& step : {last, euler, heun}) {
        expect_formula<float>(count, branches, step);
        expect_formula<std::uint16_t>(count, branches, step);
      }
}

template <class T>
void expect_same_everywhere(torch::Dtype dtype) {
  const std::int64_t count = 50001;
  const auto same = [&](const Tensor& one) { return one.unsqueeze(-1).expand({one.size(0), count}).contiguous(); };
  const Tensor x = same(torch::randn({1})), e = same(torch::randn({1}));
  const Tensor clean = same(torch::randn({2})).to(dtype);
  for (const bool heun : {false, true}) {
    Tensor first;
    for (const int threads : {1, 3}) {
      const Tensor made = torch::full({count}, std::nan(""));
      guided_update(GuidedUpdate<T>{count,
                                    {0.3F, heun ? 0.45F : 0.0F, 0.7F},
                                    x.data_ptr<float>(),
                                    heun ? e.data_ptr<float>() : nullptr,
                                    static_cast<const T*>(clean.data_ptr()),
                                    2,
                                    {1.7F, -0.7F},
                                    made.data_ptr<float>()},
                    threads);
      if (!first.defined()) first = made[0];
      EXPECT_TRUE(made.eq(first).all().item<bool>()) << dtype << ", " << threads << " threads, Heun " << heun;
    }
  }
}

TEST(GuidedUpdateKernel, AValueDoesNotDependOnItsPlaceOrTheThreads) {
  torch::manual_seed(22);
  for (int i = 0; i < 10; ++i) {
    expect_same_everywhere<float>(torch::kFloat32);
    expect_same_everywhere<std::uint16_t>(torch::kBFloat16);
  }
}

}  // namespace
}  // namespace cigli
