#include "fusion/pair_scorer.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/small_scorer.h"

namespace cigli {
namespace {

using torch::Tensor;

struct PairInputs {
  TokenBatch text = tokenize(Tokenizer(), {"red", "a blue one"}, 16);
  Tensor prompt = torch::randn({2, 3, 16, 16});
};

double difference(const Tensor& a, const Tensor& b) { return (a - b).abs().max().item<double>(); }

TEST(PairScorer, AQueryHasTheShapeOfTheTargetsCellsWhateverThePromptIs) {
  PairScorer scorer = test::small_scorer();
  const PairInputs in;
  EXPECT_EQ(scorer->key(torch::randn({3, 3, 24, 16})).sizes(), (std::vector<std::int64_t>{3, 8, 6, 4}));
  EXPECT_EQ(scorer->query(in.text, in.prompt, 6, 4).sizes(), (std::vector<std::int64_t>{2, 8, 6, 4}));
  EXPECT_EQ(scorer->query(in.text, torch::randn({2, 3, 16, 40}), 6, 4).sizes(),
            (std::vector<std::int64_t>{2, 8, 6, 4}));
}

TEST(PairScorer, SeesTheInputsThatItIsToSee) {
  const PairInputs in, other;
  const TokenBatch other_text = tokenize(Tokenizer(), {"two", "nothing of it"}, 16);
  for (const std::string inputs : {"both", "text-only", "image-only"}) {
    PairScorer scorer = test::small_scorer(inputs);
    const Tensor query = scorer->query(in.text, in.prompt, 4, 4);
    const double by_text = difference(query, scorer->query(other_text, in.prompt, 4, 4));
    const double by_image = difference(query, scorer->query(in.text, other.prompt, 4, 4));
    EXPECT_EQ(by_text > 1e-3, inputs != "image-only") << inputs << " " << by_text;
    EXPECT_EQ(by_image > 1e-3, inputs != "text-only") << inputs << " " << by_image;
    EXPECT_EQ(by_text == 0, inputs == "image-only") << inputs;
    EXPECT_EQ(by_image == 0, inputs == "text-only") << inputs;
  }
}

TEST(PairScorer, StartsFromThePromptsOwnKey) {
  torch::manual_seed(5);
  PairScorer scorer(test::small_scorer_options(), 514);
  const PairInputs in;
  EXPECT_LT(difference(scorer->query(in.text, in.prompt, 4, 4), scorer->key(in.prompt)), 1e-6);
}

TEST(PairScorer, EveryWeightLearns) {
  PairScorer scorer = test::small_scorer();
  const PairInputs in;
  const Tensor keys = scorer->key(torch::randn({2, 3, 16, 16}));
  contrastive_loss(pair_scores(scorer->query(in.text, in.prompt, 4, 4), keys), torch::zeros({2, 2}, torch::kBool))
      .backward();
  for (const auto& p : scorer->named_parameters()) {
    const bool replaces_input = p.key().find("null_") != std::string::npos;
    EXPECT_EQ(p.value().grad().defined() && p.value().grad().abs().sum().item<double>() > 0, !replaces_input)
        << p.key();
  }
}

TEST(PairScores, AreScaledInnerProducts) {
  const Tensor queries = torch::tensor({1.0f, 2.0f, 3.0f, 4.0f}).view({1, 2, 1, 2});
  const Tensor keys = torch::tensor({1.0f, 0.0f, 0.0f, 1.0f, 2.0f, 2.0f, 2.0f, 2.0f}).view({2, 2, 1, 2});
  const Tensor scores = pair_scores(queries, keys);
  EXPECT_EQ(scores.sizes(), (std::vector<std::int64_t>{1, 2}));
  EXPECT_FLOAT_EQ(scores[0][0].item<float>(), 5.0f / std::sqrt(2.0f));
  EXPECT_FLOAT_EQ(scores[0][1].item<float>(), 20.0f / std::sqrt(2.0f));
  EXPECT_THROW(pair_scores(queries, keys.view({2, 1, 2, 2})), c10::Error);
}

TEST(ContrastiveLoss, IsMinusTheLogOfTheOwnTargetsShare) {
  const Tensor none = torch::zeros({3, 3}, torch::kBool);
  EXPECT_NEAR(contrastive_loss(torch::zeros({3, 3}), none).item<double>(), std::log(3.0), 1e-6);
  const Tensor scores = torch::eye(3) * std::log(4.0);
  EXPECT_NEAR(contrastive_loss(scores, none).item<double>(), -std::log(4.0 / 6), 1e-6);
  // Row 0 has its target twice: the other one is no negative. The diagonal is always a candidate.
  Tensor same = torch::eye(3, torch::kBool);
  same[0][1] = true;
  EXPECT_NEAR(contrastive_loss(scores, same).item<double>(), (-std::log(4.0 / 5) - 2 * std::log(4.0 / 6)) / 3, 1e-6);
  EXPECT_THROW(contrastive_loss(torch::zeros({2, 3}), none), c10::Error);
}

}  // namespace
}  // namespace cigli
