#include "eval/evidence.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <limits>

namespace cigli {
namespace {

using torch::Tensor;

constexpr float kNone = -std::numeric_limits<float>::infinity();

// Scores of `rows` rows whose own target was drawn with the probabilities that sum_i weights_i scores_i gives; then it
// is put first.
std::vector<Tensor> drawn_by(const std::vector<double>& weights, std::int64_t rows, std::int64_t candidates) {
  torch::manual_seed(0);
  std::vector<Tensor> scores;
  Tensor logits = torch::zeros({rows, candidates});
  for (const double weight : weights) {
    scores.push_back(torch::randn({rows, candidates}));
    logits += weight * scores.back();
  }
  const Tensor own = logits.softmax(1).multinomial(1), places = torch::arange(candidates).expand({rows, candidates});
  // What stood first changes places with the own target.
  const Tensor order = torch::where(places == own, torch::zeros_like(places), torch::where(places == 0, own, places));
  for (Tensor& each : scores) each = each.gather(1, order).unsqueeze(0);
  return scores;
}

double mean_nats(const std::vector<Tensor>& scores, const std::vector<double>& weights) {
  double sum = 0;
  const std::vector<Evidence> all = pooled_evidence(scores, weights);
  for (const Evidence& evidence : all) sum += evidence.nats;
  return sum / static_cast<double>(all.size());
}

TEST(PoolWeights, FindTheTemperatureOfOneScorer) {
  const std::vector<double> weights = pool_weights(drawn_by({2.5}, 20000, 8));
  ASSERT_EQ(weights.size(), 1u);
  EXPECT_NEAR(weights[0], 2.5, 0.1);
}

TEST(PoolWeights, FindWhatEachOfSeveralScorersIsWorth) {
  const std::vector<Tensor> scores = drawn_by({1, 0.5, 0}, 20000, 8);
  const std::vector<double> weights = pool_weights(scores);
  ASSERT_EQ(weights.size(), 3u);
  EXPECT_NEAR(weights[0], 1, 0.05);
  EXPECT_NEAR(weights[1], 0.5, 0.05);
  EXPECT_NEAR(weights[2], 0, 0.05);
  const double pooled = mean_nats(scores, weights);
  for (const Tensor& each : scores) EXPECT_GT(pooled, mean_nats({each}, pool_weights({each})));
}

// The posterior's gradient vanishes at the weights that were found.
TEST(PoolWeights, AreWhereThePosteriorIsHighest) {
  const std::vector<Tensor> scores = drawn_by({3, 1}, 40, 5);
  const auto cost = [&](double a, double b) {
    return ((a - 1) * (a - 1) + b * b) / 2 - 40 * mean_nats(scores, {a, b});
  };
  const std::vector<double> w = pool_weights(scores);
  for (const double by : {-1e-2, 1e-2}) {
    EXPECT_GT(cost(w[0] + by, w[1]), cost(w[0], w[1]));
    EXPECT_GT(cost(w[0], w[1] + by), cost(w[0], w[1]));
  }
}

TEST(PoolWeights, StayFiniteWhereNothingIsMistaken) {
  const std::vector<double> weights = pool_weights({torch::tensor({{{9.0F, 0.0F, 0.0F}, {9.0F, 1.0F, kNone}}})});
  EXPECT_GT(weights[0], 1);
  EXPECT_LT(weights[0], 3);
}

TEST(PoolWeights, CountRowsOnceHoweverOftenTheyAreDrawn) {
  const std::vector<Tensor> once = drawn_by({0.5}, 10, 4);
  EXPECT_NEAR(pool_weights({once[0].expand({4, 10, 4})})[0], pool_weights(once)[0], 1e-6);
}

TEST(PooledEvidence, IsTheLogOfTheProbabilityBeyondChance) {
  const double log3 = std::log(3.0);
  const Tensor scores = torch::tensor({{{static_cast<float>(log3), 0.0F, 0.0F}, {0.0F, 0.0F, kNone}}});
  const std::vector<Evidence> all = pooled_evidence({scores}, {1});
  ASSERT_EQ(all.size(), 2u);
  EXPECT_NEAR(all[0].nats, std::log(3.0 / 5 * 3), 1e-6);
  EXPECT_EQ(all[0].first, 1);
  EXPECT_NEAR(all[1].nats, 0, 1e-6);
  EXPECT_EQ(all[1].first, 0.5);  // a tie of two
  EXPECT_NEAR(pooled_evidence({scores, -scores.masked_fill(scores.isinf(), -kNone)}, {1, 1})[0].nats, 0, 1e-6);
}

TEST(PooledEvidence, IsTheMeanOverDraws) {
  const Tensor scores = torch::tensor({{{1.0F, 0.0F}}, {{0.0F, 1.0F}}});
  const std::vector<Evidence> all = pooled_evidence({scores}, {1});
  ASSERT_EQ(all.size(), 1u);
  const double up = std::log(2 / (1 + std::exp(-1.0))), down = std::log(2 / (1 + std::exp(1.0)));
  EXPECT_NEAR(all[0].nats, (up + down) / 2, 1e-6);
  EXPECT_EQ(all[0].first, 0.5);
}

}  // namespace
}  // namespace cigli
