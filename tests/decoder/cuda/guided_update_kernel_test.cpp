#include "decoder/cuda/guided_update_kernel.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

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

TEST(GuidedUpdateKernel, AValueDoesNotDependOnItsPlaceOrTheThreads) {
  torch::manual_seed(22);
  const std::int64_t count = 50001;
  const Tensor x = torch::randn({1}).expand({count}).contiguous(), clean = torch::randn({2, 1}).expand({2, count});
  const Tensor all = clean.contiguous(), made = torch::empty({count});
  for (const int threads : {1, 3}) {
    guided_update(GuidedUpdate<float>{count,
                                      {0.3F, 0, 0.7F},
                                      x.data_ptr<float>(),
                                      nullptr,
                                      all.data_ptr<float>(),
                                      2,
                                      {1.7F, -0.7F},
                                      made.data_ptr<float>()},
                  threads);
    EXPECT_TRUE(made.eq(made[0]).all().item<bool>()) << threads << " threads";
  }
}

}  // namespace
}  // namespace cigli
