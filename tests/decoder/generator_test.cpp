#include "decoder/generator.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>

#include "tests/decoder/random_generator.h"

namespace cigli {
namespace {

using torch::Tensor;

std::vector<Request> requests(std::int64_t count) {
  torch::manual_seed(12);
  std::vector<Request> all;
  for (std::int64_t i = 0; i < count; ++i)
    all.push_back(
        {"r" + std::to_string(i), "request number " + std::to_string(i), torch::rand({3, 32, 32}) * 2 - 1, 3, 0});
  return all;
}

SamplerOptions guided(double text, double image, std::int64_t steps = 2) {
  SamplerOptions s;
  s.steps = steps;
  s.guidance_text = text;
  s.guidance_image = image;
  return s;
}

TEST(Generator, GradientReachesEveryParameter) {
  expect_gradients(random_generator(tiny_model()), torch::randn({3, 3, 32, 32}));
}

TEST(Generator, GradientReachesEveryParameterWhateverTheShapes) {
  ModelOptions options = tiny_model();
  options.width = 64;
  for (const auto type : {torch::kFloat32, torch::kBFloat16}) {
    Generator generator = random_generator(options);
    generator->to(type);
    expect_gradients(generator, torch::randn({3, 3, 32, 80}));
  }
}

TEST(Generator, RefusesOtherShapes) {
  Generator generator = random_generator(tiny_model());
  const Condition c = generator->condition({"a"}, torch::zeros({1, 3, 32, 32}));
  EXPECT_THROW(generator->forward(torch::zeros({1, 3, 32, 32}), torch::zeros({2}), c), c10::Error);
  ModelOptions odd = tiny_model();
  odd.height = 34;
  EXPECT_THROW(Generator(odd, Tokenizer()), Error);
  for (const std::vector<std::int64_t>& widths :
       {std::vector<std::int64_t>{}, {16, 24}, {16, 16, 16, 16, 16, 16}}) {  // none; not whole groups; cells too coarse
    ModelOptions other = tiny_model();
    other.image.widths = widths;
    EXPECT_THROW(Generator(other, Tokenizer()), Error);
  }
}

TEST(Generator, WhereTheGateIsOneThePromptItselfComesOut) {
  Generator generator = random_generator(tiny_model());
  const torch::NoGradGuard no_grad;
  generator->denoiser->named_parameters()["out.weight"].zero_();
  const Tensor bias = generator->denoiser->named_parameters()["out.bias"];  // 4x4 values each of R, G, B and the gate
  bias.zero_().slice(0, 48) += 1;
  const Tensor prompt = torch::rand({2, 3, 32, 32}) * 2 - 1, x = torch::randn({2, 3, 32, 32});
  const Visible visible{torch::ones({2}, torch::kBool), torch::tensor({true, false})};
  const Tensor y = generator->forward(x, torch::zeros({2}), generator->condition({"a", "b"}, prompt, visible));
  EXPECT_TRUE(torch::equal(y[0], prompt[0]));
  EXPECT_EQ(y[1].abs().max().item<double>(), 0);  // a dropped prompt is not to be had
}

TEST(Generator, GuidanceIsTheFormulaOverThreePredictions) {
  Generator generator = random_generator(tiny_model());
  const torch::NoGradGuard no_grad;
  const std::vector<Request> one = requests(1);
  const Tensor noise = request_noise(3, "r0", 0, 32, 32).unsqueeze(0);
  const auto clean = [&](bool text, bool image) {
    const Visible visible{torch::full({1}, text, torch::kBool), torch::full({1}, image, torch::kBool)};
    const Condition c = generator->condition({one[0].text}, one[0].prompt.unsqueeze(0), visible);
    return generator->forward(noise, torch::zeros({1}), c);
  };
  const Tensor none = clean(false, false), image = clean(false, true), both = clean(true, true);
  ASSERT_GT((none - image).abs().max().item<double>(), 1e-4);
  ASSERT_GT((both - image).abs().max().item<double>(), 1e-4);
  const double factors[][2] = {{1, 1}, {2.5, 1.5}, {2, 1}, {1, 0.5}, {0, 0}};
  for (const auto& [s_text, s_image] : factors) {
    // One Euler step from t = 0 to 1 is the guided prediction itself.
    const Tensor expected = none + s_image * (image - none) + s_text * (both - image);
    const Tensor got = generator->sample(one, guided(s_text, s_image, 1));
    EXPECT_LT((got - expected.clamp(-1, 1)).abs().max().item<double>(), 1e-4) << s_text << " " << s_image;
  }
}

TEST(Generator, SameImageWhateverTheBatchSizeAndOrder) {
  Generator generator = random_generator(tiny_model());
  const std::vector<Request> all = requests(5);
  const Tensor together = generator->sample(all, guided(2, 1.5));
  EXPECT_TRUE(torch::equal(together, generator->sample(all, guided(2, 1.5))));
  std::vector<Request> reversed(all.rbegin(), all.rend());
  const Tensor backwards = generator->sample(reversed, guided(2, 1.5)).flip(0);
  EXPECT_LT((together - backwards).abs().mean().item<double>() * 127.5, 2);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Tensor alone = generator->sample({all[i]}, guided(2, 1.5));
    EXPECT_LT((alone[0] - together[static_cast<std::int64_t>(i)]).abs().mean().item<double>() * 127.5, 2);
  }
}

TEST(Generator, SameImageWhateverTheBatchSizeInBfloat16) {
  Generator generator = random_generator(tiny_model());
  generator->to(torch::kBFloat16);
  const std::vector<Request> all = requests(5);
  const Tensor together = generator->sample(all, guided(2, 1.5));
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Tensor alone = generator->sample({all[i]}, guided(2, 1.5));
    EXPECT_LT((alone[0] - together[static_cast<std::int64_t>(i)]).abs().mean().item<double>() * 127.5, 2);
  }
}

TEST(Generator, TakesPromptsOfAnotherShapeThanTheTarget) {
  Generator generator = random_generator(tiny_model());
  std::vector<Request> all = requests(2);
  for (Request& r : all) r.prompt = torch::rand({3, 32, 80}) * 2 - 1;
  EXPECT_EQ(generator->sample(all, {}).sizes(), (std::vector<std::int64_t>{2, 3, 32, 32}));
}

TEST(Generator, WarnsOfTextsItCannotRead) {
  Generator generator = random_generator(tiny_model());
  generator->remember_words({"Add a red circle.", "remove the blue squares"});
  EXPECT_EQ(generator->text_warning("add the RED circle!"), "");
  EXPECT_NE(generator->text_warning("zwei grüne Elefanten"), "");
  EXPECT_NE(generator->text_warning(std::string(500, 'x')).find("tokens"), std::string::npos);
}

}  // namespace
}  // namespace cigli
