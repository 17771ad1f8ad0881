#include "training/discriminator.h"

#include <gtest/gtest.h>

#include "tests/training/tiny_gan.h"
#include "training/gan_loss.h"

namespace cigli {
namespace {

using torch::Tensor;

Discriminator make_discriminator(const ModelOptions& model = tiny_gan_model("joint")) {
  torch::manual_seed(3);
  return Discriminator(tiny_gan_options("", "").gan.discriminator, model, 514);
}

Tensor judge(Discriminator& d, const Tensor& image, const std::vector<std::string>& texts, const Tensor& prompt) {
  return d->judge(d->features(image), d->condition(tokenize(Tokenizer(), texts, 16), prompt));
}

TEST(Discriminator, GivesALogitARow) {
  Discriminator d = make_discriminator();
  const Tensor image = torch::randn({2, 3, 16, 16});
  EXPECT_EQ(d->features(image).sizes(), (std::vector<std::int64_t>{2, 32, 4, 4}));
  const Tensor logits = judge(d, image, {"a", "bb"}, torch::randn({2, 3, 16, 16}));
  EXPECT_EQ(logits.sizes(), (std::vector<std::int64_t>{2}));
  EXPECT_EQ(judge(d, image, {"a", "b"}, torch::randn({2, 3, 18, 46})).size(0), 2);  // prompts of another shape
  EXPECT_THROW(d->features(torch::randn({2, 3, 32, 16})), c10::Error);
}

TEST(Discriminator, SaysWhatDoesNotFit) {
  const auto fault_of = [](std::int64_t height, std::int64_t prompt_width) {
    ModelOptions model = tiny_gan_model("joint");
    model.height = height;
    model.prompt_width = prompt_width;
    return error_of([&] { make_discriminator(model); });
  };
  EXPECT_EQ(fault_of(16, 16), "");
  EXPECT_NE(fault_of(18, 16).find("images of 18 pixels don't divide"), std::string::npos);
  EXPECT_NE(fault_of(16, 2).find("prompts of 2 pixels have none"), std::string::npos);
  EXPECT_NE(fault_of(16, 17).find("prompts of 17 pixels don't divide"), std::string::npos);
}

TEST(Discriminator, ARowIsJudgedAloneAsAmongLongerTexts) {
  Discriminator d = make_discriminator();
  const Tensor image = torch::randn({3, 3, 16, 16}), prompt = torch::randn({3, 3, 16, 16});
  const std::vector<std::string> texts{"a", "a longer text", "bb"};
  const Tensor together = judge(d, image, texts, prompt);
  for (std::int64_t i = 0; i < 3; ++i) {
    const Tensor alone =
        judge(d, image.slice(0, i, i + 1), {texts[static_cast<std::size_t>(i)]}, prompt.slice(0, i, i + 1));
    EXPECT_NEAR(alone.item<double>(), together[i].item<double>(), 1e-4);
  }
}

TEST(Discriminator, LooksAtImageTextAndPrompt) {
  Discriminator d = make_discriminator();
  const Tensor image = torch::randn({1, 3, 16, 16}), prompt = torch::randn({1, 3, 16, 16});
  const double logit = judge(d, image, {"a"}, prompt).item<double>();
  EXPECT_NE(logit, judge(d, image, {"b"}, prompt).item<double>());
  EXPECT_NE(logit, judge(d, image, {"a"}, torch::randn({1, 3, 16, 16})).item<double>());
  EXPECT_NE(logit, judge(d, torch::randn({1, 3, 16, 16}), {"a"}, prompt).item<double>());
}

// The penalty's gradient in bfloat16 points where the one in float32 does.
TEST(Discriminator, ItsGradientCanBeDifferentiatedAgainInEitherPrecision) {
  const Tensor image = torch::rand({4, 3, 16, 16}) * 2 - 1, prompt = torch::rand({4, 3, 16, 16}) * 2 - 1;
  std::vector<Tensor> found;
  for (const auto type : {torch::kFloat32, torch::kBFloat16}) {
    Discriminator d = make_discriminator();
    d->to(type);
    const Tensor x = image.clone().requires_grad_();
    const Tensor penalty = r1_penalty(judge(d, x, {"a", "b", "c", "d"}, prompt), x);
    EXPECT_GT(penalty.item<double>(), 0);
    penalty.backward();
    std::vector<Tensor> all;
    for (const auto& p : d->image->parameters())
      if (p.grad().defined()) all.push_back(p.grad().flatten().to(torch::kFloat32));
    found.push_back(torch::cat(all));
  }
  const double cosine = (found[0] * found[1]).sum().item<double>() / (found[0].norm() * found[1].norm()).item<double>();
  EXPECT_GT(cosine, 0.98);
}

}  // namespace
}  // namespace cigli
