#include "eval/metrics/mmd.h"

#include <torch/torch.h>

#include "eval/metrics/numpy_random.h"
#include "runtime/error.h"
#include "tests/eval/metrics/reference.h"
#include "tests/temporary_folder.h"

namespace cigli {
namespace {

using torch::Tensor;

TEST(Mmd, HasItsClosedFormOnTwoPoints) {
  const Tensor x = torch::tensor({{1.0}, {2.0}}, torch::kFloat64), y = torch::tensor({{0.0}, {3.0}}, torch::kFloat64);
  const Kernel linear = polynomial_kernel(1, 1, 0);
  // Products: x 1 2 4, y 0 0 9, across 0 3 0 6.
  EXPECT_NEAR(mmd(x, y, linear), 2 + 0 - 2 * 9 / 4.0, 1e-12);
  EXPECT_NEAR(mmd(x, y, linear, MmdKind::biased), 9 / 4.0 + 9 / 4.0 - 2 * 9 / 4.0, 1e-12);
  EXPECT_NEAR(mmd(x, y, linear, MmdKind::u_statistic), 2 + 0 - 3, 1e-12);
  EXPECT_NEAR(gaussian_kernel(2)(x, y)[0][1].item<double>(), std::exp(-4 / 8.0), 1e-15);
  EXPECT_NE(error_of([&] { mmd(x.slice(0, 0, 1), y, linear); }).find("got 1 and 2"), std::string::npos);
}

TEST(Mmd, JackknifeSeesTheBiasThatTheDiagonalsMake) {
  torch::manual_seed(0);
  const Tensor x = torch::randn({60, 4}, torch::kFloat64), y = torch::randn({80, 4}, torch::kFloat64) + 0.5;
  const Estimate estimate = estimate_mmd(x, y, polynomial_kernel());
  EXPECT_NEAR(estimate.value, mmd(x, y, polynomial_kernel()), 1e-12);
  // None, but for what dealing into tenths makes.
  EXPECT_LT(std::abs(estimate.sets[0].bias), std::sqrt(estimate.sets[0].variance));
  EXPECT_LT(std::abs(estimate.sets[1].bias), std::sqrt(estimate.sets[1].variance));
  const Estimate biased = estimate_mmd(x, y, gaussian_kernel(1), MmdKind::biased);
  const double better = corrected(biased.value, biased.sets);
  EXPECT_NEAR(better, mmd(x, y, gaussian_kernel(1)), 0.1 * (biased.value - better));
}

class MmdReference : public MetricReference {};

TEST_F(MmdReference, KidMatchesThePackages) {
  const Tensor real = array("main/real").to(torch::kFloat64), fake = array("main/fake").to(torch::kFloat64);
  const auto kid = expected("main")["kid"];
  EXPECT_NEAR(mmd(fake, real, polynomial_kernel()), kid["full_unequal_size_unbiased_reference"].get<double>(), 1e-8);
  const Tensor first = real.slice(0, 0, 400);
  const auto equal = kid["full_equal_size_first_m"];
  EXPECT_NEAR(mmd(fake, first, polynomial_kernel()), equal["unbiased"].get<double>(), 1e-8);
  EXPECT_NEAR(mmd(fake, first, polynomial_kernel(), MmdKind::biased), equal["biased"].get<double>(), 1e-8);
  EXPECT_NEAR(mmd(fake, first, polynomial_kernel(), MmdKind::u_statistic), equal["u_statistic"].get<double>(), 1e-8);
  EXPECT_NEAR(mmd(real.slice(0, 0, 250), real.slice(0, 250), polynomial_kernel()),
              kid["real_halves_unbiased_reference_may_be_negative"].get<double>(), 1e-8);
}

TEST_F(MmdReference, KidOfSubsetsDrawsNumPysRows) {
  const Tensor real = array("main/real").to(torch::kFloat64), fake = array("main/fake").to(torch::kFloat64);
  const auto kid = expected("main")["kid"];
  const Tensor rows = array("main/kid_subsets").to(torch::kInt64);
  NumpyRandom random(2020);
  std::vector<std::pair<Tensor, Tensor>> subsets;
  for (std::int64_t i = 0; i < 12; ++i) {
    const Tensor of_fake = torch::tensor(random.permutation(400)).slice(0, 0, 100);
    const Tensor of_real = torch::tensor(random.permutation(500)).slice(0, 0, 100);
    EXPECT_TRUE(torch::equal(of_fake, rows[i][0]));
    EXPECT_TRUE(torch::equal(of_real, rows[i][1]));
    subsets.emplace_back(of_fake, of_real);
  }
  const auto expect = [&](const Kernel& kernel, const std::string& name) {
    const Spread spread = mmd_of_subsets(fake, real, kernel, subsets);
    EXPECT_NEAR(spread.mean, kid[name]["kernel_inception_distance_mean"].get<double>(), 1e-8) << name;
    EXPECT_NEAR(spread.deviation, kid[name]["kernel_inception_distance_std"].get<double>(), 1e-8) << name;
  };
  expect(polynomial_kernel(), "torch_fidelity_float64_features");
  expect(gaussian_kernel(10), "torch_fidelity_rbf_sigma10_float64");
  expect(polynomial_kernel(2, 0.05, 2), "torch_fidelity_poly_degree2_gamma0p05_coef2_float64");
}

TEST_F(MmdReference, CmmdMatchesBothEstimators) {
  const Tensor a = array("embeddings/cmmd_ref").to(torch::kFloat64);
  const Tensor b = array("embeddings/cmmd_eval").to(torch::kFloat64);
  const auto cmmd = expected("embeddings")["cmmd"];
  EXPECT_NEAR(1000 * mmd(a, b, gaussian_kernel(10), MmdKind::biased), cmmd["reference_biased_float64"].get<double>(),
              1e-8);
  EXPECT_NEAR(1000 * mmd(a, b, gaussian_kernel(10)), cmmd["reference_unbiased_float64"].get<double>(), 1e-8);
}

TEST_F(MmdReference, NumpyRandomDrawsWhatNumPyDraws) {
  const auto reference = nlohmann::json::parse(read_file(folder_ / "numpy_randomstate.json"));
  NumpyRandom random(reference["seed"].get<std::uint32_t>());
  EXPECT_EQ(random.permutation(20), reference["permutation_20"].get<std::vector<std::int64_t>>());
  EXPECT_EQ(random.permutation(7), reference["then_permutation_7"].get<std::vector<std::int64_t>>());
  std::vector<std::int64_t> choice = random.permutation(50);
  choice.resize(8);
  EXPECT_EQ(choice, reference["then_choice_50_8_no_replace"].get<std::vector<std::int64_t>>());
}

}  // namespace
}  // namespace cigli
