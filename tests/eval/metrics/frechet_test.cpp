#include "eval/metrics/frechet.h"

#include <torch/torch.h>

#include "runtime/error.h"
#include "tests/eval/metrics/reference.h"
#include "tests/temporary_folder.h"

namespace cigli {
namespace {

using torch::Tensor;

Gaussian fitted(const Tensor& rows, std::int64_t ddof = 1) {
  Moments moments(rows.size(1));
  moments.add(rows);
  return moments.gaussian(ddof);
}

Tensor normal(std::int64_t rows, std::int64_t columns) { return torch::randn({rows, columns}, torch::kFloat64); }

TEST(Moments, PiecesInAnyOrderGiveWhatTheWholeGives) {
  torch::manual_seed(0);
  // Far from 0: raw second moments would keep none of the second column's digits.
  const Tensor spread = torch::tensor({1.0, 1e-3, 1e3, 0.0, 5.0}, torch::kFloat64);
  const Tensor rows = normal(57, 5) * spread + 4096;
  Moments whole(5), pieces(5), later(5), empty(5);
  whole.add(rows);
  later.add(rows.slice(0, 20, 57));
  for (std::int64_t i = 0; i < 20; i += 3) pieces.add(rows.slice(0, i, std::min<std::int64_t>(20, i + 3)));
  pieces.merge(empty);
  pieces.merge(later);
  EXPECT_EQ(pieces.count(), 57);
  const Gaussian a = whole.gaussian(), b = pieces.gaussian();
  EXPECT_TRUE(torch::allclose(a.mean, b.mean, 1e-14, 0));
  const Tensor centred = rows - rows.mean(0), scale = spread.clamp_min(1e-3);
  const auto scaled = [&](const Tensor& covariance) { return covariance / torch::outer(scale, scale); };
  EXPECT_TRUE(torch::allclose(scaled(a.covariance()), scaled(b.covariance()), 0, 1e-8));
  EXPECT_TRUE(torch::allclose(scaled(a.covariance()), scaled(centred.t().matmul(centred) / 56), 0, 1e-12));
  EXPECT_NE(error_of([] { Moments(3).gaussian(); }).find("got 0"), std::string::npos);
}

TEST(Frechet, HasTheClosedFormOfDiagonalGaussians) {
  const auto gaussian = [](const std::vector<double>& mean, const std::vector<double>& deviations) {
    return Gaussian{torch::tensor(mean, torch::kFloat64), torch::diag(torch::tensor(deviations, torch::kFloat64))};
  };
  const FrechetTerms terms = frechet_terms(gaussian({0, 0, 1}, {1, 2, 0}), gaussian({3, 4, 1}, {2, 2, 0}));
  EXPECT_NEAR(terms.distance, 25 + 1, 1e-12);
  EXPECT_NEAR(terms.mean, 25, 1e-12);
  EXPECT_NEAR(terms.trace_root, 6, 1e-12);
  torch::manual_seed(1);
  const Gaussian same = fitted(normal(10, 20));
  EXPECT_GE(frechet_distance(same, same), 0);
  EXPECT_LT(frechet_distance(same, same), 1e-12);
}

TEST(Frechet, OfStatisticsIsThatOfTheirRows) {
  torch::manual_seed(2);
  const Gaussian a = fitted(normal(40, 6)), b = fitted(2 * normal(4, 6) + 1);
  const Gaussian a2 = gaussian_of(a.mean, a.covariance(), "a"), b2 = gaussian_of(b.mean, b.covariance(), "b");
  EXPECT_NEAR(frechet_distance(a2, b2), frechet_distance(a, b), 1e-7 * frechet_distance(a, b));
  const auto complaint = [&](const Tensor& mean, const Tensor& covariance) {
    return error_of([&] { gaussian_of(mean, covariance, "x.npz"); });
  };
  EXPECT_NE(complaint(a.mean, a.covariance().slice(0, 0, 5)).find("expected [D] and [D, D]"), std::string::npos);
  EXPECT_NE(complaint(a.mean * NAN, a.covariance()).find("not finite"), std::string::npos);
  EXPECT_NE(complaint(a.mean, a.covariance() + torch::arange(6)).find("not symmetric"), std::string::npos);
}

// Covariances whose eigenvalues fall to 10^-decades, gradually or at once: easy to tell by squares, hardly so, or not
// at all. Whatever way is taken, the sum is that of the singular values.
TEST(Frechet, IsAsExactForCovariancesOfAnyCondition) {
  torch::manual_seed(4);
  constexpr std::int64_t d = 60;
  const auto rotated = [](const Tensor& values) {
    const Tensor basis = std::get<0>(torch::linalg_qr(normal(d, d)));
    const Tensor covariance = (basis * values).matmul(basis.t());
    return gaussian_of(torch::zeros({d}, torch::kFloat64), (covariance + covariance.t()) / 2, "");
  };
  for (const double decades : {0, 2, 5, 8, 10, 12, 15}) {
    const Tensor falling = torch::pow(10, torch::linspace(0, -decades, d, torch::kFloat64));
    Tensor step = torch::ones({d}, torch::kFloat64);
    step.slice(0, d / 3) = std::pow(10, -decades);
    for (const Tensor& values : {falling, step}) {
      const Gaussian a = rotated(values), b = rotated(values.flip(0) + falling);
      const double sum = torch::linalg_svdvals(a.root.matmul(b.root.t())).sum().item<double>();
      const FrechetTerms terms = frechet_terms(a, b);
      EXPECT_NEAR(terms.trace_root, sum, 1e-12 * (terms.trace_a + terms.trace_b)) << decades;
    }
  }
}

TEST(Frechet, JackknifeTakesTheBiasOfSmallSetsAway) {
  torch::manual_seed(3);
  double value = 0, better = 0;
  for (int i = 0; i < 20; ++i) {
    const Estimate estimate = estimate_frechet(normal(200, 8), normal(300, 8) * 1.5 + 0.2);
    value += estimate.value / 20;
    better += corrected(estimate.value, estimate.sets) / 20;
  }
  EXPECT_NE(error_of([] { estimate_frechet(normal(19, 2), normal(40, 2)); }).find("got 19 and 40"), std::string::npos);
  const double truth = 8 * (0.2 * 0.2 + 0.5 * 0.5);
  EXPECT_GT(value - truth, 0.1);
  EXPECT_LT(std::abs(better - truth), 0.05);
}

class FrechetReference : public MetricReference {};

TEST_F(FrechetReference, MatchesTheExactDistanceAndThePackages) {
  for (const std::string set : {"main", "degenerate", "offset", "singular_n_lt_d", "singular_one_side", "ties"}) {
    const auto fid = expected(set)["fid"];
    const Tensor real = array(set + "/real"), fake = array(set + "/fake");
    const FrechetTerms terms = frechet_terms(fitted(real), fitted(fake));
    const auto exact = fid["reference_exact"];
    EXPECT_NEAR(terms.distance / exact["fid"].get<double>(), 1, 1e-9) << set;
    EXPECT_NEAR(terms.mean / exact["mean_term"].get<double>(), 1, 1e-9) << set;
    EXPECT_NEAR(terms.trace_a / exact["trace_sigma1"].get<double>(), 1, 1e-9) << set;
    EXPECT_NEAR(terms.trace_root / exact["trace_sqrt"].get<double>(), 1, 1e-9) << set;
    const double tolerance = set == "main" || set == "ties" ? 1e-6 : 1e-5;
    EXPECT_NEAR(terms.distance / fid["pytorch_fid"].get<double>(), 1, tolerance) << set;
    EXPECT_NEAR(frechet_distance(fitted(real, 0), fitted(fake, 0)) / fid["stylegan3_ddof0"].get<double>(), 1, tolerance)
        << set;
    const Gaussian a = fitted(real), b = fitted(fake);
    EXPECT_NEAR(frechet_distance(gaussian_of(a.mean, a.covariance(), ""), gaussian_of(b.mean, b.covariance(), "")) /
                    exact["fid"].get<double>(),
                1, 1e-7)
        << set;
  }
}

TEST_F(FrechetReference, MatchesTheReferenceJackknifeAndSmallSampleBias) {
  const auto all = expected("main");
  const Tensor real = array("main/real"), fake = array("main/fake");
  const Estimate estimate = estimate_frechet(real, fake);
  const auto reference = all["jackknife_10_contiguous_groups_of_fake_reference"];
  EXPECT_NEAR(corrected(estimate.value, {estimate.sets[1]}), reference["bias_corrected"].get<double>(), 1e-9);
  EXPECT_NEAR(std::sqrt(estimate.sets[1].variance), reference["standard_error"].get<double>(), 1e-9);
  const double halves = frechet_distance(fitted(real.slice(0, 0, 250)), fitted(real.slice(0, 250)));
  EXPECT_NEAR(halves / all["fid_real_first_half_vs_second_half"]["reference_exact"]["fid"].get<double>(), 1, 1e-9);
  // Two halves of one set are one population.
  const Estimate same = estimate_frechet(real.slice(0, 0, 250), real.slice(0, 250));
  EXPECT_LT(std::abs(corrected(same.value, same.sets)), 0.05);
}

TEST_F(FrechetReference, MatchesItAtInfinity) {
  const auto reference = expected("main")["fd_infinity_dgm_eval"];
  const auto columns = reference["columns_used"].get<std::int64_t>();
  const Tensor indices = array("main/fdinf_indices_concat").to(torch::kInt64);
  std::vector<Tensor> subsets;
  std::int64_t from = 0;
  for (const auto& size : reference["sizes"]) {
    subsets.push_back(indices.slice(0, from, from + size.get<std::int64_t>()));
    from += size.get<std::int64_t>();
  }
  const double value = frechet_at_infinity(fitted(array("main/real").slice(1, 0, columns)),
                                           array("main/fake").slice(1, 0, columns), subsets);
  EXPECT_NEAR(value / reference["value"].get<double>(), 1, 1e-6);
}

}  // namespace
}  // namespace cigli
