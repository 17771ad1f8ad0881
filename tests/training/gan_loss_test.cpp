#include "training/gan_loss.h"

#include <gtest/gtest.h>

#include "tests/training/tiny_gan.h"

namespace cigli {
namespace {

using torch::Tensor;

void randomise(torch::nn::Module& network, std::uint64_t seed) {
  const torch::NoGradGuard no_grad;
  torch::manual_seed(seed);
  for (auto& p : network.parameters()) p.normal_(0, 0.1);
}

// Three pairs before networks with random parameters.
class GanTerms : public testing::TestWithParam<std::string> {
 protected:
  GanTerms() {
    randomise(*model_, 1);
    randomise(*discriminator_, 2);
    const Tensor prompt = torch::rand({3, 3, 16, 16}) * 2 - 1;
    const std::vector<std::string> texts{"red", "make it a blue one", "x y"};
    const auto never = [](std::int64_t, std::int64_t) { return false; };
    batch_ = {tokenize(model_->tokenizer, texts, model_->options.text.context),
              prompt,
              torch::rand({3, 3, 16, 16}) * 2 - 1,
              model_->forward(torch::randn({3, 3, 16, 16}), torch::zeros({3}), model_->condition(texts, prompt)),
              mismatched_rows(3, 0, never),
              mismatched_rows(3, 1, never)};
  }

  Generator model_{tiny_gan_model(GetParam()), Tokenizer()};
  Discriminator discriminator_{tiny_gan_options("", "").gan.discriminator, model_->options, 514};
  JudgedBatch batch_;
};
INSTANTIATE_TEST_SUITE_P(All, GanTerms, testing::Values("joint", "affine", "concat"));

TEST_P(GanTerms, EachTermAloneTeachesTheWholeDiscriminator) {
  for (Tensor DiscriminatorTerms::*term :
       {&DiscriminatorTerms::real, &DiscriminatorTerms::fake, &DiscriminatorTerms::text, &DiscriminatorTerms::prompt,
        &DiscriminatorTerms::r1}) {
    discriminator_->zero_grad();
    int passed_by_the_image = 0;
    const Tensor loss = discriminator_terms(discriminator_, batch_, true).*term;
    EXPECT_EQ(loss.dim(), 0);
    loss.backward();
    for (const auto& p : discriminator_->named_parameters()) {
      // A constant added to the logit does not change its slope, and rectifiers have no second one, so that the penalty
      // need not move biases; what it must move are the weights that the image passes.
      const bool flat = term == &DiscriminatorTerms::r1 && p.key() == "out.bias";
      ASSERT_TRUE(flat || p.value().grad().defined()) << p.key();
      const bool passed =
          p.key().find(".weight") != std::string::npos &&
          (p.key().rfind("image.", 0) == 0 || p.key().rfind("joint", 0) == 0 || p.key() == "out.weight");
      passed_by_the_image += passed;
      const bool must = term != &DiscriminatorTerms::r1 || passed;
      EXPECT_TRUE(!must || p.value().grad().abs().sum().item<double>() > 0) << p.key();
    }
    EXPECT_GT(passed_by_the_image, 5);
  }
}

TEST_P(GanTerms, NoTermOfTheDiscriminatorReachesTheGenerator) {
  const DiscriminatorTerms terms = discriminator_terms(discriminator_, batch_, true);
  (discriminator_loss(terms, 0.5) + terms.r1).backward();
  for (const auto& p : model_->named_parameters()) EXPECT_FALSE(p.value().grad().defined()) << p.key();
}

// Words, image prompt, fusion and decoder alike: nothing on the way is detached.
TEST_P(GanTerms, EachTermOfTheGeneratorAloneTeachesEveryPartOfIt) {
  for (const bool adversarial : {true, false}) {
    model_->zero_grad();
    const Tensor loss =
        adversarial ? adversarial_loss(discriminator_, batch_) : (batch_.fake - batch_.real).square().mean();
    loss.backward({}, true);
    for (const auto& p : model_->named_parameters()) {
      if (p.key().find(".null_") != std::string::npos) continue;  // nothing was dropped
      ASSERT_TRUE(p.value().grad().defined()) << p.key();
      EXPECT_GT(p.value().grad().abs().sum().item<double>(), 0) << p.key();
    }
  }
}

TEST_P(GanTerms, TheWordsThemselvesCarryGradient) {
  adversarial_loss(discriminator_, batch_).backward();
  const Tensor slope = model_->named_parameters()["text_encoder.embedding.weight"].grad();
  const Tensor used = std::get<0>(at::_unique(batch_.text.ids.index({batch_.text.mask})));
  EXPECT_GT(slope.index({used}).abs().sum(1).min().item<double>(), 0);
}

TEST(Mismatch, GivesNoRowItsOwn) {
  const auto never = [](std::int64_t, std::int64_t) { return false; };
  for (std::uint64_t roll = 0; roll < 12; ++roll) {
    const Mismatch m = mismatched_rows(5, roll, never);
    EXPECT_TRUE(m.valid.all().item<bool>());
    EXPECT_FALSE(m.rows.eq(torch::arange(5)).any().item<bool>());
    EXPECT_TRUE(torch::equal(m.rows, (torch::arange(5) + 1 + static_cast<std::int64_t>(roll % 4)) % 5));
  }
}

TEST(Mismatch, PassesOverRowsThatHoldTheSame) {
  const std::vector<int> held{1, 1, 2, 1};
  const auto same = [&](std::int64_t i, std::int64_t j) {
    return held[static_cast<std::size_t>(i)] == held[static_cast<std::size_t>(j)];
  };
  for (std::uint64_t roll = 0; roll < 6; ++roll) {
    const Mismatch m = mismatched_rows(4, roll, same);
    EXPECT_TRUE(m.valid.all().item<bool>());
    for (std::int64_t i = 0; i < 4; ++i) EXPECT_FALSE(same(i, m.rows[i].item<std::int64_t>()));
  }
  const Mismatch none = mismatched_rows(3, 1, [](std::int64_t, std::int64_t) { return true; });
  EXPECT_FALSE(none.valid.any().item<bool>());
  EXPECT_FALSE(mismatched_rows(1, 1, same).valid.any().item<bool>());
}

TEST(GanLoss, HingeInClosedForm) {
  const Tensor logits = torch::tensor({-2.0F, 0.5F, 3.0F});
  EXPECT_FLOAT_EQ(hinge_accept(logits).item<float>(), (3 + 0.5F + 0) / 3);
  EXPECT_FLOAT_EQ(hinge_refuse(logits).item<float>(), (0 + 1.5F + 4) / 3);
  EXPECT_FLOAT_EQ(hinge_refuse(logits, torch::tensor({true, true, false})).item<float>(), 1.5F / 2);
  EXPECT_EQ(hinge_refuse(logits, torch::zeros({3}, torch::kBool)).item<float>(), 0);
  const auto value = [](float x) { return torch::tensor(x); };
  EXPECT_FLOAT_EQ(discriminator_loss({value(1), value(2), value(3), value(5), {}}, 0.25).item<float>(),
                  1 + 0.75F * 2 + 0.25F * 4);
}

// Logits a . x^2 have the slope 2 a x, and the penalty's own slope with respect to a is 4 a x^2 / B.
TEST(GanLoss, TheGradientPenaltyInClosedForm) {
  const Tensor a = torch::rand({3, 2, 2}).requires_grad_(), x = torch::randn({4, 3, 2, 2}).requires_grad_();
  const Tensor penalty = r1_penalty((a * x.square()).sum({1, 2, 3}), x);
  EXPECT_NEAR(penalty.item<double>(), (2 * a * x).square().sum().item<double>() / 8, 1e-5);
  penalty.backward();
  const Tensor expected = 4 * a.detach() * x.detach().square().sum(0) / 4;
  EXPECT_TRUE(torch::allclose(a.grad(), expected, 1e-4, 1e-5));
}

}  // namespace
}  // namespace cigli
