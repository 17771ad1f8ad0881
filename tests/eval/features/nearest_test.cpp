#include "eval/features/nearest.h"

#include <torch/torch.h>

#include <cmath>

#include "tests/eval/metrics/reference.h"
#include "tests/temporary_folder.h"

namespace cigli {
namespace {

using torch::Tensor;

// By the definition, all differences at once; a stable sort keeps equal ones in their order.
Nearest nearest_by_definition(const Tensor& queries, const Tensor& among, std::int64_t count) {
  const Tensor distances = (queries.unsqueeze(1) - among.unsqueeze(0)).to(torch::kFloat64).square().sum(2).sqrt();
  const auto [sorted, rows] = distances.sort(/*stable=*/true, 1, /*descending=*/false);
  return {rows.slice(1, 0, count), sorted.slice(1, 0, count)};
}

void expect_same(const Nearest& found, const Nearest& expected) {
  EXPECT_TRUE(found.rows.equal(expected.rows)) << found.rows << expected.rows;
  EXPECT_TRUE(found.distances.allclose(expected.distances, 1e-12, 1e-12));
}

TEST(NearestRows, AreWhatTheDefinitionSays) {
  torch::manual_seed(0);
  const Tensor queries = torch::randn({40, 7}), among = torch::randn({90, 7});
  for (const std::int64_t count : {1, 3, 90}) {
    const Nearest found = nearest_rows(queries, among, count);
    EXPECT_EQ(found.rows.sizes(), torch::IntArrayRef({40, count}));
    expect_same(found, nearest_by_definition(queries.to(torch::kFloat64), among.to(torch::kFloat64), count));
  }
  EXPECT_EQ(nearest_rows(queries, among, 200).rows.size(1), 90);
}

TEST(NearestRows, AreThoseOfEveryBlock) {
  torch::manual_seed(1);
  const Tensor queries = torch::randn({2100, 3}, torch::kFloat64), among = torch::randn({50, 3}, torch::kFloat64);
  expect_same(nearest_rows(queries, among, 2), nearest_by_definition(queries, among, 2));
}

TEST(NearestRows, OfEqualOnesTheSmallerNumberIsFirst) {
  const Tensor among = torch::tensor({{2., 0.}, {0., 1.}, {1., 0.}, {0., -1.}, {0., 1.}}, torch::kFloat64);
  const Nearest found = nearest_rows(torch::zeros({1, 2}, torch::kFloat64), among, 4);
  EXPECT_TRUE(found.rows.equal(torch::tensor({{1, 2, 3, 4}}))) << found.rows;
  EXPECT_TRUE(found.distances.equal(torch::ones({1, 4}, torch::kFloat64)));
}

// One row lies so far off that products lose the differences of the others, which are a few units in the last place.
TEST(NearestRows, StayExactWhereProductsCancel) {
  Tensor among = torch::full({65, 2}, 1e8, torch::kFloat64);
  among.select(1, 0).slice(0, 0, 64).add_(torch::arange(64, 0, -1, torch::kFloat64) * 1e-7);
  among[64].fill_(-1e9);
  const Tensor queries = torch::full({1, 2}, 1e8, torch::kFloat64);
  const Nearest found = nearest_rows(queries, among, 3);
  EXPECT_TRUE(found.rows.equal(torch::tensor({{63, 62, 61}}))) << found.rows;
  expect_same(found, nearest_by_definition(queries, among, 3));
}

TEST(NearestRows, RefuseWhatHasNoNeighbours) {
  const Tensor queries = torch::zeros({2, 3});
  EXPECT_THROW(nearest_rows(queries, torch::zeros({4, 2}), 1), c10::Error);
  EXPECT_THROW(nearest_rows(queries * NAN, torch::zeros({4, 3}), 1), c10::Error);
  EXPECT_NE(error_of([&] { nearest_rows(queries, torch::zeros({0, 3}), 1); }), "");
  EXPECT_EQ(nearest_rows(torch::zeros({0, 3}), torch::zeros({4, 3}), 1).rows.size(0), 0);
}

// Training rows at 0, 1, 3 and, twice, 10 on a line.
TEST(AuthenticRows, AreFartherThanTrainingRowsFromEachOther) {
  const Tensor training = torch::tensor({0., 1., 3., 10., 10.}).unsqueeze(1);
  const Tensor generated = torch::tensor({0., -0.9, -1.1, 3.5, 5.5, 10., 10.1, -1.}).unsqueeze(1);
  const Tensor expected = torch::tensor({false, false, true, false, true, false, true, false});
  EXPECT_TRUE(authentic_rows(training, generated).equal(expected)) << authentic_rows(training, generated);
  EXPECT_NE(error_of([&] { authentic_rows(training.slice(0, 0, 1), generated); }), "");
}

TEST(AuthenticRows, CopiesAreNone) {
  torch::manual_seed(2);
  const Tensor training = torch::randn({30, 4});
  EXPECT_FALSE(authentic_rows(training, training).any().item<bool>());
  EXPECT_TRUE(authentic_rows(training, training + 100).all().item<bool>());
}

using NearestReference = MetricReference;

TEST_F(NearestReference, AuthenticityIsThatOfDgmEval) {
  const Tensor authentic = authentic_rows(array("main/real"), array("main/fake"));
  EXPECT_NEAR(100 * authentic.to(torch::kFloat64).mean().item<double>(),
              expected("main").at("authpct_real_train_fake_gen").get<double>(), 1e-9);
}

}  // namespace
}  // namespace cigli
