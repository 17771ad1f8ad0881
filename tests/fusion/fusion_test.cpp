#include "fusion/fusion.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>

#include "tests/fusion/random_inputs.h"

namespace cigli {
namespace {

using torch::Tensor;

// Largest difference between two conditions' rows, padded words left out.
double difference(const Condition& a, const Condition& b, std::int64_t row_a, std::int64_t row_b) {
  double most = worst(a.pooled[row_a] - b.pooled[row_b]);
  if (a.map.defined()) most = std::max(most, worst(a.map[row_a] - b.map[row_b]));
  if (a.details.defined()) most = std::max(most, worst(a.details[row_a] - b.details[row_b]));
  if (a.prompt.defined()) most = std::max(most, worst(a.prompt[row_a] - b.prompt[row_b]));
  if (a.tokens.defined())
    most = std::max(most, worst(a.tokens[row_a].index({a.mask[row_a]}) - b.tokens[row_b].index({b.mask[row_b]})));
  return most;
}

double difference(const Condition& a, const Condition& b, std::int64_t row) { return difference(a, b, row, row); }

// What all fusions have in common.
class Fusions : public testing::TestWithParam<std::string> {
 protected:
  FusionInputs in_ = random_fusion_inputs(1), other_ = random_fusion_inputs(2);
  Fusion fusion_ = make_random_fusion(GetParam());
};
INSTANTIATE_TEST_SUITE_P(All, Fusions, testing::Values("joint", "affine", "concat"));

TEST_P(Fusions, GiveWhatTheirWidthsSay) {
  const Condition c = fusion_->forward(in_.text, in_.image, {});
  const ConditionWidths w = fusion_->widths();
  EXPECT_EQ(c.pooled.sizes(), (std::vector<std::int64_t>{3, w.pooled}));
  EXPECT_EQ(c.tokens.defined() ? c.tokens.size(2) : 0, w.tokens);
  EXPECT_EQ(c.mask.defined(), c.tokens.defined());
  EXPECT_EQ(c.map.defined() ? c.map.size(1) : 0, w.map);
  EXPECT_EQ(c.details.defined() ? c.details.size(1) : 0, w.details);
  EXPECT_EQ(c.prompt.defined() ? c.prompt.size(1) : 0, w.prompt);
  if (c.map.defined()) {
    EXPECT_EQ(c.map.sizes(), (std::vector<std::int64_t>{3, 32, 2, 5}));
  }
}

// Each row by itself, without its padding, gives what it gives among others: no row's padding masks another's words.
TEST_P(Fusions, ARowGivesTheSameAloneAndAmongLongerTexts) {
  in_.text.mask[2].slice(0, 2) = false;
  const Condition together = fusion_->forward(in_.text, in_.image, {});
  for (std::int64_t i = 0; i < 3; ++i) {
    const std::int64_t length = in_.text.mask[i].sum().item<std::int64_t>();
    const auto row = [&](const Tensor& x) { return x.slice(0, i, i + 1); };
    const TextFeatures text{row(in_.text.tokens).slice(1, 0, length), row(in_.text.mask).slice(1, 0, length)};
    const ImageFeatures image{{row(in_.image.maps.tokens), row(in_.image.maps.details)}, row(in_.image.pixels)};
    EXPECT_LT(difference(together, fusion_->forward(text, image, {}), i, 0), 1e-5) << "row " << i;
  }
}

TEST_P(Fusions, EveryWordOfARowReachesItAndNoneOfItsPadding) {
  const Condition before = fusion_->forward(in_.text, in_.image, {});
  for (std::int64_t row = 0; row < 3; ++row)
    for (std::int64_t place = 0; place < 6; ++place) {
      TextFeatures text{in_.text.tokens.clone(), in_.text.mask};
      text.tokens[row][place] += 3 * torch::randn({24});
      const Condition after = fusion_->forward(text, in_.image, {});
      const bool word = in_.text.mask[row][place].item<bool>();
      for (std::int64_t i = 0; i < 3; ++i) {
        const double change = difference(before, after, i);
        EXPECT_EQ(change > 1e-4, word && i == row) << "word " << place << " of row " << row << " in row " << i;
      }
    }
}

TEST_P(Fusions, AnInvisibleInputCannotBeSeenAndOnlyInItsRow) {
  const Visible visible{torch::tensor({true, false, true}), torch::tensor({true, true, false})};
  const Condition a = fusion_->forward(in_.text, in_.image, visible);
  const Condition b = fusion_->forward({other_.text.tokens, in_.text.mask}, in_.image, visible);
  const Condition c = fusion_->forward(in_.text, other_.image, visible);
  EXPECT_LT(difference(a, b, 1), 1e-6);
  EXPECT_GT(difference(a, b, 0), 1e-3);
  EXPECT_LT(difference(a, c, 2), 1e-6);
  EXPECT_GT(difference(a, c, 0), 1e-3);
}

TEST_P(Fusions, SwitchesDropOneInputAndKeepTheParameters) {
  const Fusion text_only = make_random_fusion(GetParam(), "text-only");
  const Fusion image_only = make_random_fusion(GetParam(), "image-only");
  const auto change = [&](const Fusion& fusion, const FusionInputs& to) {
    return difference(fusion->forward(in_.text, in_.image, {}), fusion->forward(to.text, to.image, {}), 0);
  };
  EXPECT_LT(change(text_only, {in_.text, other_.image}), 1e-6);
  EXPECT_GT(change(text_only, {other_.text, in_.image}), 1e-3);
  EXPECT_LT(change(image_only, {other_.text, in_.image}), 1e-6);
  EXPECT_GT(change(image_only, {in_.text, other_.image}), 1e-3);
  for (const Fusion& half : {text_only, image_only}) EXPECT_EQ(weights_of(half), weights_of(fusion_));
}

TEST_P(Fusions, GradientReachesEveryParameter) {
  const Condition c =
      fusion_->forward(in_.text, in_.image, {torch::tensor({true, false, true}), torch::tensor({true, true, false})});
  Tensor sum = c.pooled.square().sum();
  if (c.tokens.defined()) sum = sum + c.tokens.square().sum() + c.map.square().sum();
  sum.backward();
  for (const auto& p : fusion_->named_parameters()) {
    ASSERT_TRUE(p.value().grad().defined()) << p.key();
    EXPECT_GT(p.value().grad().abs().sum().item<double>(), 0) << p.key();
  }
}

TEST_P(Fusions, RefuseOtherShapes) {
  EXPECT_THROW(fusion_->forward(in_.text, {{in_.image.maps.tokens[0], {}}, in_.image.pixels}, {}), c10::Error);
}

TEST(AffineFusion, RegionsReadDifferentWords) {
  FusionInputs in = random_fusion_inputs(1);
  const Fusion fusion = make_random_fusion("affine");
  {
    const torch::NoGradGuard no_grad;  // attention that is far from even
    for (auto& p : fusion->named_parameters())
      if (p.key().find("query.weight") != std::string::npos || p.key().find("key_value.weight") != std::string::npos)
        p.value().mul_(10);
  }
  in.text.tokens.requires_grad_();
  const Condition c = fusion->forward(in.text, in.image, {});
  const auto of_words = [&](std::int64_t x) {
    const Tensor region = c.map[0].select(1, 0).select(1, x).square().sum();
    const Tensor slope = torch::autograd::grad({region}, {in.text.tokens}, {}, true)[0][0].norm(2, 1);
    return slope / slope.sum();
  };
  EXPECT_GT(worst(of_words(0) - of_words(4)), 1e-2);
}

TEST(AffineFusion, ThePromptScalesAndShifts) {
  const FusionInputs in = random_fusion_inputs(1), other = random_fusion_inputs(2);
  const Fusion fusion = make_random_fusion("affine");
  const Condition a = fusion->forward(in.text, in.image, {});
  const Condition b = fusion->forward(in.text, {other.image.maps, in.image.pixels}, {});
  EXPECT_GT(worst(a.map - b.map), 1e-2);
  EXPECT_TRUE(torch::equal(a.details, in.image.maps.details));
  EXPECT_TRUE(torch::equal(a.prompt, in.image.pixels));
}

TEST(ConcatFusion, KnowsThePromptByOnePooledVector) {
  const FusionInputs in = random_fusion_inputs(1);
  const Fusion fusion = make_random_fusion("concat");
  const Condition c = fusion->forward(in.text, in.image, {});
  EXPECT_FALSE(c.map.defined() || c.tokens.defined() || c.details.defined() || c.prompt.defined());
  const ImageFeatures turned{{in.image.maps.tokens.flip({3}), in.image.maps.details}, in.image.pixels};
  EXPECT_LT(worst(c.pooled - fusion->forward(in.text, turned, {}).pooled), 1e-5);
}

}  // namespace
}  // namespace cigli
