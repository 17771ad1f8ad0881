#include <gtest/gtest.h>
#include <torch/torch.h>

#include "encoders/image_encoder.h"
#include "encoders/text_encoder.h"
#include "encoders/tokenizer.h"

namespace cigli {
namespace {

using torch::Tensor;

void randomise(const std::shared_ptr<torch::nn::Module>& module) {
  const torch::NoGradGuard no_grad;
  torch::manual_seed(5);
  for (auto& p : module->parameters()) p.normal_(0, 0.1);
}

TEST(TextEncoder, PaddingDoesNotReachTheTokens) {
  const Tokenizer tokenizer;
  const TextEncoder encoder = make_text_encoder({}, tokenizer.vocabulary());
  randomise(encoder);
  const TextFeatures alone = encoder->forward(tokenize(tokenizer, {"a red circle"}, 64));
  const TextFeatures padded =
      encoder->forward(tokenize(tokenizer, {"a red circle", "many more words than the other text has"}, 64));
  ASSERT_EQ(padded.tokens.size(0), 2);
  ASSERT_EQ(padded.tokens.size(2), 128);
  const std::int64_t length = alone.mask.sum().item<std::int64_t>();
  EXPECT_EQ(padded.mask[0].sum().item<std::int64_t>(), length);
  EXPECT_TRUE(torch::allclose(alone.tokens[0].slice(0, 0, length), padded.tokens[0].slice(0, 0, length), 1e-4, 1e-5));
}

TEST(TextEncoder, GradientReachesEveryParameter) {
  const Tokenizer tokenizer;
  const TextEncoder encoder = make_text_encoder({}, tokenizer.vocabulary());
  randomise(encoder);
  encoder->forward(tokenize(tokenizer, {"a red circle"}, 64)).tokens.square().sum().backward();
  for (const auto& p : encoder->named_parameters()) {
    ASSERT_TRUE(p.value().grad().defined()) << p.key();
    EXPECT_GT(p.value().grad().abs().sum().item<double>(), 0) << p.key();
  }
}

TEST(TextEncoder, RefusesMoreTokensThanItsContext) {
  const Tokenizer tokenizer;
  TextEncoderOptions options;
  options.context = 8;
  const TextEncoder encoder = make_text_encoder(options, tokenizer.vocabulary());
  EXPECT_THROW(encoder->forward(tokenize(tokenizer, {"far longer than eight tokens"}, 64)), c10::Error);
}

TEST(ImageEncoder, TakesAnyPromptShape) {
  const ImageEncoder encoder = make_image_encoder({});
  const ImageMaps square = encoder->forward(torch::randn({2, 3, 64, 64}));
  EXPECT_EQ(square.tokens.sizes(), (std::vector<std::int64_t>{2, 128, 8, 8}));
  EXPECT_EQ(square.details.sizes(), (std::vector<std::int64_t>{2, 128, 16, 16}));
  EXPECT_EQ(encoder->forward(torch::randn({2, 3, 64, 160})).tokens.sizes(), (std::vector<std::int64_t>{2, 128, 8, 20}));
  ImageEncoderOptions single;
  single.widths = {32};
  const ImageMaps maps = make_image_encoder(single)->forward(torch::randn({2, 3, 6, 8}));
  EXPECT_EQ(maps.tokens.sizes(), (std::vector<std::int64_t>{2, 32, 3, 4}));
  EXPECT_TRUE(torch::equal(maps.details, maps.tokens));
}

TEST(ImageEncoder, RefusesSidesThatDoNotDivide) {
  const ImageEncoder encoder = make_image_encoder({});
  EXPECT_THROW(encoder->forward(torch::zeros({1, 3, 60, 64})), c10::Error);
}

TEST(ImageEncoder, GradientReachesEveryParameter) {
  const ImageEncoder encoder = make_image_encoder({});
  randomise(encoder);
  encoder->forward(torch::randn({2, 3, 64, 64})).tokens.square().sum().backward();
  for (const auto& p : encoder->named_parameters()) {
    ASSERT_TRUE(p.value().grad().defined()) << p.key();
    EXPECT_GT(p.value().grad().abs().sum().item<double>(), 0) << p.key();
  }
}

TEST(Encoders, RefuseUnknownKinds) {
  TextEncoderOptions text;
  text.kind = "lstm";
  EXPECT_THROW(make_text_encoder(text, 600), Error);
  ImageEncoderOptions image;
  image.kind = "resnet";
  EXPECT_THROW(make_image_encoder(image), Error);
}

}  // namespace
}  // namespace cigli
