#include "eval/metrics/prdc.h"

#include <torch/torch.h>

#include "eval/metrics/jackknife.h"
#include "runtime/error.h"
#include "tests/eval/metrics/reference.h"
#include "tests/temporary_folder.h"

namespace cigli {
namespace {

using torch::Tensor;

// By the definitions, pair by pair.
Prdc prdc_by_definition(const Tensor& real, const Tensor& fake, std::int64_t k) {
  const auto distances = [](const Tensor& a, const Tensor& b) {
    return (a.unsqueeze(1) - b.unsqueeze(0)).square().sum(2);
  };
  const auto radii = [&](const Tensor& rows) { return std::get<0>(distances(rows, rows).sort(1)).select(1, k); };
  const Tensor across = distances(real, fake), in_real = across < radii(real).unsqueeze(1);
  const Tensor in_fake = across < radii(fake).unsqueeze(0);
  const auto mean = [](const Tensor& x) { return x.to(torch::kFloat64).mean().item<double>(); };
  Prdc result;
  result.precision.value = mean(in_real.any(0));
  result.recall.value = mean(in_fake.any(1));
  result.density.value = mean(in_real.to(torch::kFloat64).sum(0)) / static_cast<double>(k);
  result.coverage.value = mean(in_real.any(1));
  return result;
}

void expect_same(const Prdc& a, const Prdc& b, const std::string& where) {
  EXPECT_NEAR(a.precision.value, b.precision.value, 1e-12) << where;
  EXPECT_NEAR(a.recall.value, b.recall.value, 1e-12) << where;
  EXPECT_NEAR(a.density.value, b.density.value, 1e-12) << where;
  EXPECT_NEAR(a.coverage.value, b.coverage.value, 1e-12) << where;
}

TEST(Prdc, IsWhatTheDefinitionsSay) {
  torch::manual_seed(0);
  for (const std::int64_t k : {1, 5}) {
    const Tensor real = torch::randn({70, 3}, torch::kFloat64), fake = torch::randn({50, 3}, torch::kFloat64) + 0.5;
    expect_same(prdc(real, fake, {k}), prdc_by_definition(real, fake, k), "k " + std::to_string(k));
    EXPECT_TRUE(prdc(real, fake, {k}).has_intervals);
    const Tensor few = fake.slice(0, 0, 12);
    expect_same(prdc(real, few, {k}), prdc_by_definition(real, few, k), "few");
    EXPECT_FALSE(prdc(real, few, {k}).has_intervals);
  }
  EXPECT_NE(error_of([] { prdc(torch::zeros({5, 2}), torch::zeros({9, 2})); }).find("got 5 and 9"), std::string::npos);
}

// The interval is that of the jackknife by its definition: each tenth left out of the rows themselves.
TEST(Prdc, IntervalsLeaveOutTenths) {
  torch::manual_seed(1);
  const Tensor real = torch::randn({60, 3}, torch::kFloat64), fake = torch::randn({40, 3}, torch::kFloat64) + 0.3;
  const Prdc found = prdc(real, fake, {3});
  const auto value_of = [](const Prdc& p, int which) {
    const Prdc::Value* values[] = {&p.precision, &p.recall, &p.density, &p.coverage};
    return *values[which];
  };
  for (int which = 0; which < 4; ++which) {
    std::vector<double> without_real, without_fake;
    for (std::int64_t g = 0; g < 10; ++g) {
      const auto without = [&](const Tensor& x) {
        const std::int64_t size = x.size(0) / 10;
        return torch::cat({x.slice(0, 0, g * size), x.slice(0, (g + 1) * size)});
      };
      without_real.push_back(value_of(prdc_by_definition(without(real), fake, 3), which).value);
      without_fake.push_back(value_of(prdc_by_definition(real, without(fake), 3), which).value);
    }
    const double whole = value_of(found, which).value;
    const Interval expected =
        jackknife_interval(whole, {jackknife(whole, without_real), jackknife(whole, without_fake)});
    const double most = which == 2 ? expected.high : 1;  // density may exceed 1
    EXPECT_NEAR(value_of(found, which).interval.low, std::max(0.0, expected.low), 1e-12) << which;
    EXPECT_NEAR(value_of(found, which).interval.high, std::min(most, expected.high), 1e-12) << which;
  }
}

TEST(Prdc, StaysExactFarFromTheOrigin) {
  torch::manual_seed(2);
  const Tensor real = torch::randint(0, 4, {200, 4}).to(torch::kFloat64);
  const Tensor fake = torch::randint(0, 4, {200, 4}).to(torch::kFloat64);
  const Prdc near = prdc(real, fake);
  expect_same(near, prdc_by_definition(real, fake, 5), "near");
  expect_same(prdc(real + 1e9, fake + 1e9), near, "far");
}

class PrdcReference : public MetricReference {};

TEST_F(PrdcReference, MatchesThePackagesExactly) {
  const auto expect = [](const Prdc& found, const nlohmann::json& reference, const std::string& where) {
    EXPECT_NEAR(found.precision.value, reference["precision"].get<double>(), 1e-12) << where;
    EXPECT_NEAR(found.recall.value, reference["recall"].get<double>(), 1e-12) << where;
    EXPECT_NEAR(found.density.value, reference["density"].get<double>(), 1e-12) << where;
    EXPECT_NEAR(found.coverage.value, reference["coverage"].get<double>(), 1e-12) << where;
  };
  const auto prdc_of_main = expected("main")["prdc"];
  for (const std::int64_t k : {3, 5})
    expect(prdc(array("main/real"), array("main/fake"), {k}), prdc_of_main["prdc_k" + std::to_string(k)], "main");
  for (const std::string set : {"degenerate", "offset", "singular_n_lt_d", "singular_one_side", "ties"}) {
    const auto reference = expected(set);
    for (const std::int64_t k : {3, 5}) {
      const std::string key = "prdc_k" + std::to_string(k) + "_exact_";
      if (!reference.contains(key + "le")) continue;
      const Tensor real = array(set + "/real"), fake = array(set + "/fake");
      expect(prdc(real, fake, {k}), reference[key + "strict_lt"], set);
      expect(prdc(real, fake, {k, true}), reference[key + "le"], set + " <=");
    }
  }
}

}  // namespace
}  // namespace cigli
