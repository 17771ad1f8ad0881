#include <gtest/gtest.h>
#include <torch/torch.h>

#include "fusion/fusion.h"

namespace cigli {
namespace {

using torch::Tensor;

struct Inputs {
  TextFeatures text;
  ImageFeatures image;
};

Inputs random_inputs(int seed) {
  torch::manual_seed(seed);
  Inputs in;
  in.text = {torch::randn({3, 6, 24}), torch::ones({3, 6}, torch::kBool)};
  in.text.mask[1].slice(0, 4) = false;
  in.image = {torch::randn({3, 10, 40}), torch::randn({3, 40, 4, 4})};
  return in;
}

Fusion random_fusion(const std::string& inputs = "both") {
  FusionOptions options;
  options.width = 32;
  options.inputs = inputs;
  const Fusion fusion = make_fusion(options, 24, 40);
  const torch::NoGradGuard no_grad;
  torch::manual_seed(7);
  for (auto& p : fusion->parameters()) p.normal_(0, 0.1);
  return fusion;
}

double difference(const Condition& a, const Condition& b) {
  return std::max({(a.tokens - b.tokens).abs().max().item<double>(), (a.pooled - b.pooled).abs().max().item<double>(),
                   (a.map - b.map).abs().max().item<double>()});
}

TEST(JointFusion, Shapes) {
  const Inputs in = random_inputs(1);
  const Condition c = random_fusion()->forward(in.text, in.image, {});
  EXPECT_EQ(c.tokens.sizes(), (std::vector<std::int64_t>{3, 16, 32}));
  EXPECT_EQ(c.mask.sizes(), (std::vector<std::int64_t>{3, 16}));
  EXPECT_EQ(c.pooled.sizes(), (std::vector<std::int64_t>{3, 32}));
  EXPECT_EQ(c.map.sizes(), (std::vector<std::int64_t>{3, 32, 4, 4}));
  EXPECT_EQ(c.mask[1].sum().item<std::int64_t>(), 14);
}

TEST(JointFusion, PaddedTextHasNoEffect) {
  Inputs in = random_inputs(1);
  const Fusion fusion = random_fusion();
  const Condition before = fusion->forward(in.text, in.image, {});
  in.text.tokens[1].slice(0, 4) += 5;
  const Condition after = fusion->forward(in.text, in.image, {});
  EXPECT_LT((before.pooled - after.pooled).abs().max().item<double>(), 1e-5);
  const Tensor seen = before.mask.unsqueeze(2);
  EXPECT_LT(((before.tokens - after.tokens) * seen).abs().max().item<double>(), 1e-5);
}

TEST(JointFusion, EachInputMattersToEachOtherOne) {
  const Inputs in = random_inputs(1), other = random_inputs(2);
  const Fusion fusion = random_fusion();
  const Condition c = fusion->forward(in.text, in.image, {});
  EXPECT_GT((c.tokens.slice(1, 6) - fusion->forward({other.text.tokens, in.text.mask}, in.image, {}).tokens.slice(1, 6))
                .abs()
                .max()
                .item<double>(),
            1e-3);
  EXPECT_GT((c.tokens.slice(1, 0, 4) - fusion->forward(in.text, other.image, {}).tokens.slice(1, 0, 4))
                .abs()
                .max()
                .item<double>(),
            1e-3);
}

TEST(JointFusion, AnInvisibleInputCannotBeSeenAndOnlyInItsRow) {
  const Inputs in = random_inputs(1), other = random_inputs(2);
  const Fusion fusion = random_fusion();
  Visible visible{torch::tensor({true, false, true}), torch::tensor({true, true, false})};
  const Condition a = fusion->forward(in.text, in.image, visible);
  const Condition b = fusion->forward({other.text.tokens, in.text.mask}, in.image, visible);
  EXPECT_LT((a.tokens[1] - b.tokens[1]).abs().max().item<double>(), 1e-6);
  EXPECT_GT((a.tokens[0] - b.tokens[0]).abs().max().item<double>(), 1e-3);
  const Condition d = fusion->forward(in.text, other.image, visible);
  EXPECT_LT((a.tokens[2] - d.tokens[2]).abs().max().item<double>(), 1e-6);
  EXPECT_LT((a.map[2] - d.map[2]).abs().max().item<double>(), 1e-6);
  EXPECT_GT((a.map[0] - d.map[0]).abs().max().item<double>(), 1e-3);
}

TEST(JointFusion, SwitchesDropOneInputAndKeepTheParameters) {
  const Inputs in = random_inputs(1), other = random_inputs(2);
  const Fusion text_only = random_fusion("text-only"), image_only = random_fusion("image-only");
  EXPECT_LT(difference(text_only->forward(in.text, in.image, {}), text_only->forward(in.text, other.image, {})), 1e-6);
  EXPECT_GT(difference(text_only->forward(in.text, in.image, {}), text_only->forward(other.text, in.image, {})), 1e-3);
  EXPECT_LT(difference(image_only->forward(in.text, in.image, {}), image_only->forward(other.text, in.image, {})),
            1e-6);
  EXPECT_GT(difference(image_only->forward(in.text, in.image, {}), image_only->forward(in.text, other.image, {})),
            1e-3);
  EXPECT_EQ(text_only->parameters().size(), random_fusion()->parameters().size());
}

TEST(JointFusion, GradientReachesEveryParameter) {
  const Inputs in = random_inputs(1);
  const Fusion fusion = random_fusion();
  const Condition c =
      fusion->forward(in.text, in.image, {torch::tensor({true, false, true}), torch::tensor({true, true, false})});
  (c.tokens.square().sum() + c.pooled.square().sum() + c.map.square().sum()).backward();
  for (const auto& p : fusion->named_parameters()) {
    ASSERT_TRUE(p.value().grad().defined()) << p.key();
    EXPECT_GT(p.value().grad().abs().sum().item<double>(), 0) << p.key();
  }
}

TEST(JointFusion, RefusesOtherShapes) {
  const Inputs in = random_inputs(1);
  EXPECT_THROW(random_fusion()->forward(in.text, {in.image.map, in.image.map}, {}), c10::Error);
}

}  // namespace
}  // namespace cigli
