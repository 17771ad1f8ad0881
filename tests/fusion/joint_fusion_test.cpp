#include <gtest/gtest.h>
#include <torch/torch.h>

#include "fusion/fusion.h"
#include "tests/fusion/random_inputs.h"

namespace cigli {
namespace {

using torch::Tensor;

Fusion make_joint_fusion(const std::string& inputs = "both") { return make_random_fusion("joint", inputs); }

double difference(const Condition& a, const Condition& b) {
  return std::max({worst(a.tokens - b.tokens), worst(a.pooled - b.pooled), worst(a.map - b.map),
                   worst(a.details - b.details), worst(a.prompt - b.prompt)});
}

TEST(JointFusion, Shapes) {
  const FusionInputs in = random_fusion_inputs(1);
  const Fusion fusion = make_joint_fusion();
  const Condition c = fusion->forward(in.text, in.image, {});
  EXPECT_EQ(c.tokens.sizes(), (std::vector<std::int64_t>{3, 6, 32}));
  EXPECT_TRUE(torch::equal(c.mask, in.text.mask));
  EXPECT_EQ(c.pooled.sizes(), (std::vector<std::int64_t>{3, 128}));
  EXPECT_EQ(c.map.sizes(), (std::vector<std::int64_t>{3, 32, 2, 5}));
  EXPECT_TRUE(torch::equal(c.details, in.image.maps.details));
  EXPECT_TRUE(torch::equal(c.prompt, in.image.pixels));
  EXPECT_EQ(fusion->widths().details, c.details.size(1));
  EXPECT_EQ(fusion->widths().tokens, c.tokens.size(2));
  EXPECT_EQ(fusion->widths().pooled, c.pooled.size(1));
}

TEST(JointFusion, PaddedTextHasNoEffect) {
  FusionInputs in = random_fusion_inputs(1);
  const Fusion fusion = make_joint_fusion();
  const Condition before = fusion->forward(in.text, in.image, {});
  in.text.tokens[1].slice(0, 4) += 5;
  const Condition after = fusion->forward(in.text, in.image, {});
  EXPECT_LT(worst(before.pooled - after.pooled), 1e-5);
  EXPECT_LT(worst(before.map - after.map), 1e-5);
  EXPECT_LT(worst((before.tokens - after.tokens) * before.mask.unsqueeze(2)), 1e-5);
}

TEST(JointFusion, EachInputMattersToTheOther) {
  const FusionInputs in = random_fusion_inputs(1), other = random_fusion_inputs(2);
  const Fusion fusion = make_joint_fusion();
  const Condition c = fusion->forward(in.text, in.image, {});
  EXPECT_GT(worst(c.map - fusion->forward({other.text.tokens, in.text.mask}, in.image, {}).map), 1e-3);
  EXPECT_GT(worst(c.pooled - fusion->forward(in.text, other.image, {}).pooled), 1e-3);
}

TEST(JointFusion, AttentionReadsTheTextAloneUnlessThePromptHasAnotherAspect) {
  FusionInputs in = random_fusion_inputs(1);
  const Fusion fusion = make_joint_fusion();
  const Condition c = fusion->forward(in.text, in.image, {});
  EXPECT_TRUE(torch::equal(c.tokens, fusion->forward(in.text, random_fusion_inputs(2).image, {}).tokens));
  in.image.pixels = torch::randn({3, 3, 8, 8});
  const Condition wide = fusion->forward(in.text, in.image, {});
  EXPECT_EQ(wide.tokens.sizes(), (std::vector<std::int64_t>{3, 6 + 10, 32}));
  EXPECT_EQ(wide.mask[1].sum().item<std::int64_t>(), 4 + 10);
  EXPECT_TRUE(torch::equal(wide.tokens.slice(1, 0, 6), c.tokens));
  EXPECT_TRUE(torch::equal(wide.tokens[2][6 + 5 + 3], wide.map[2].select(1, 1).select(1, 3)));
}

TEST(JointFusion, AWordCountsAlikeInAShortAndInALongText) {
  const FusionInputs in = random_fusion_inputs(1);
  const Fusion fusion = make_joint_fusion();
  const Condition once = fusion->forward(in.text, in.image, {});
  const TextFeatures twice{torch::cat({in.text.tokens, in.text.tokens}, 1),
                           torch::cat({in.text.mask, in.text.mask}, 1)};
  const Condition again = fusion->forward(twice, in.image, {});
  EXPECT_LT(worst(once.pooled.slice(1, 0, 64) - again.pooled.slice(1, 0, 64)), 1e-5);  // of the text's own tokens
}

TEST(JointFusion, ACellOfTheMapIsTheTokenThatStandsThere) {
  FusionInputs in = random_fusion_inputs(1);
  FusionOptions options;
  options.layers = 0;
  options.width = 32;
  const Fusion fusion = make_fusion(options, {24, 40, 16});
  const Condition before = fusion->forward(in.text, in.image, {});
  in.image.maps.tokens[2].select(1, 1).select(1, 3).normal_();
  const Tensor changed = (fusion->forward(in.text, in.image, {}).map - before.map).abs().amax(1).gt(1e-6);
  EXPECT_EQ(changed.sum().item<std::int64_t>(), 1);
  EXPECT_TRUE(changed[2][1][3].item<bool>());
}

TEST(JointFusion, AnInvisibleInputCannotBeSeenAndOnlyInItsRow) {
  const FusionInputs in = random_fusion_inputs(1), other = random_fusion_inputs(2);
  const Fusion fusion = make_joint_fusion();
  const Visible visible{torch::tensor({true, false, true}), torch::tensor({true, true, false})};
  const auto row = [](const Condition& c, std::int64_t i) {
    return Condition{c.tokens[i], c.mask[i], c.pooled[i], c.map[i], c.details[i], c.prompt[i]};
  };
  const Condition a = fusion->forward(in.text, in.image, visible);
  const Condition b = fusion->forward({other.text.tokens, in.text.mask}, in.image, visible);
  EXPECT_LT(worst(a.tokens[1][0] - b.tokens[1][0]), 1e-6);  // the null token; the others are masked
  EXPECT_EQ(a.mask[1].sum().item<std::int64_t>(), 1);
  EXPECT_LT(worst(a.pooled[1] - b.pooled[1]), 1e-6);
  EXPECT_LT(worst(a.map[1] - b.map[1]), 1e-6);
  EXPECT_GT(difference(row(a, 0), row(b, 0)), 1e-3);
  const Condition d = fusion->forward(in.text, other.image, visible);
  EXPECT_LT(difference(row(a, 2), row(d, 2)), 1e-6);
  EXPECT_EQ(worst(a.details[2]) + worst(a.prompt[2]), 0);
  EXPECT_GT(difference(row(a, 0), row(d, 0)), 1e-3);
}

TEST(JointFusion, SwitchesDropOneInputAndKeepTheParameters) {
  const FusionInputs in = random_fusion_inputs(1), other = random_fusion_inputs(2);
  const Fusion text_only = make_joint_fusion("text-only"), image_only = make_joint_fusion("image-only");
  EXPECT_LT(difference(text_only->forward(in.text, in.image, {}), text_only->forward(in.text, other.image, {})), 1e-6);
  EXPECT_GT(difference(text_only->forward(in.text, in.image, {}), text_only->forward(other.text, in.image, {})), 1e-3);
  EXPECT_LT(difference(image_only->forward(in.text, in.image, {}), image_only->forward(other.text, in.image, {})),
            1e-6);
  EXPECT_GT(difference(image_only->forward(in.text, in.image, {}), image_only->forward(in.text, other.image, {})),
            1e-3);
  for (const Fusion& half : {text_only, image_only}) EXPECT_EQ(weights_of(half), weights_of(make_joint_fusion()));
}

TEST(JointFusion, GradientReachesEveryParameter) {
  const FusionInputs in = random_fusion_inputs(1);
  const Fusion fusion = make_joint_fusion();
  const Condition c =
      fusion->forward(in.text, in.image, {torch::tensor({true, false, true}), torch::tensor({true, true, false})});
  (c.tokens.square().sum() + c.pooled.square().sum() + c.map.square().sum()).backward();
  for (const auto& p : fusion->named_parameters()) {
    ASSERT_TRUE(p.value().grad().defined()) << p.key();
    EXPECT_GT(p.value().grad().abs().sum().item<double>(), 0) << p.key();
  }
}

TEST(JointFusion, RefusesOtherShapes) {
  const FusionInputs in = random_fusion_inputs(1);
  EXPECT_THROW(
      make_joint_fusion()->forward(in.text, {{in.image.maps.tokens[0], in.image.maps.details}, in.image.pixels}, {}),
      c10::Error);
}

}  // namespace
}  // namespace cigli
