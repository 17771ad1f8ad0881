#include "decoder/gan_generator.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <tuple>

#include "decoder/generator.h"
#include "tests/decoder/random_generator.h"

namespace cigli {
namespace {

using torch::Tensor;

ModelOptions tiny(const std::string& decoder, const std::string& fusion) {
  ModelOptions o;
  o.height = o.width = o.prompt_height = o.prompt_width = 32;
  o.text.width = o.fusion.width = 32;
  o.text.layers = o.fusion.layers = 1;
  o.image.widths = {16, 32, 32};
  o.fusion.kind = fusion;
  o.decoder.kind = decoder;
  o.decoder.widths = {16, 32, 48};
  o.decoder.blocks = {1, 1, 1};
  o.decoder.patch = 2;
  o.decoder.latent = 24;
  if (decoder == "gan") o.sampling.steps = 1;
  return o;
}

double worst(const Tensor& difference) { return difference.abs().max().item<double>(); }

// Every decoder under every fusion.
class DecodersAndFusions : public testing::TestWithParam<std::tuple<std::string, std::string>> {
 protected:
  ModelOptions options_ = tiny(std::get<0>(GetParam()), std::get<1>(GetParam()));
};
INSTANTIATE_TEST_SUITE_P(All, DecodersAndFusions,
                         testing::Combine(testing::Values("unet", "gan"),
                                          testing::Values("joint", "affine", "concat")));

TEST_P(DecodersAndFusions, GradientReachesEveryParameter) {
  expect_gradients(random_generator(options_), torch::randn({3, 3, 32, 32}));
}

TEST_P(DecodersAndFusions, GradientReachesEveryParameterWhateverTheShapes) {
  options_.width = 64;
  Generator generator = random_generator(options_);
  generator->to(torch::kBFloat16);
  expect_gradients(generator, torch::randn({3, 3, 32, 80}));
}

TEST_P(DecodersAndFusions, SampleTheSameImageWhateverTheBatchSize) {
  Generator generator = random_generator(options_);
  std::vector<Request> requests;
  for (std::int64_t i = 0; i < 3; ++i)
    requests.push_back({"r" + std::to_string(i), std::string(static_cast<std::size_t>(5 * i + 1), 'x'),
                        torch::rand({3, 32, 32}) * 2 - 1, 3, 0});
  const Tensor together = generator->sample(requests, options_.sampling);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const Tensor alone = generator->sample({requests[i]}, options_.sampling);
    EXPECT_LT(worst(alone[0] - together[static_cast<std::int64_t>(i)]), 1e-3);
  }
}

TEST(GanGenerator, ReadsItsLatentVectorAlone) {
  Generator generator = random_generator(tiny("gan", "joint"));
  const Condition c = generator->condition({"a", "b"}, torch::rand({2, 3, 32, 32}));
  const Tensor x = torch::randn({2, 3, 32, 32}), t = torch::zeros({2});
  const Tensor y = generator->forward(x, t, c);
  EXPECT_TRUE(torch::equal(y, generator->forward(x, t + 0.5, c)));
  Tensor other = x.clone();
  other.select(1, 0).flatten(1).slice(1, 24).normal_();
  other.slice(1, 1).normal_();
  EXPECT_TRUE(torch::equal(y, generator->forward(other, t, c)));
  other.select(1, 0).select(1, 0)[1][23] += 1;  // of the second row, the last that counts
  const Tensor moved = generator->forward(other, t, c);
  EXPECT_TRUE(torch::equal(y[0], moved[0]));
  EXPECT_GT(worst(y[1] - moved[1]), 1e-4);
  EXPECT_TRUE(torch::equal(y, generator->forward(x.contiguous(torch::MemoryFormat::ChannelsLast), t, c)));
}

TEST(GanGenerator, OneStepOfTheSamplerReturnsItsImage) {
  Generator generator = random_generator(tiny("gan", "affine"));
  const torch::NoGradGuard no_grad;
  const Request request{"r", "some text", torch::rand({3, 32, 32}) * 2 - 1, 5, 0};
  const Tensor noise = request_noise(5, "r", 0, 32, 32).unsqueeze(0);
  const Condition c = generator->condition({request.text}, request.prompt.unsqueeze(0));
  EXPECT_TRUE(torch::equal(generator->forward(noise, torch::zeros({1}), c).clamp(-1, 1),
                           generator->sample({request}, generator->options.sampling)));
}

TEST(GanGenerator, UsesEveryPartOfItsCondition) {
  Generator generator = random_generator(tiny("gan", "joint"));
  const Condition c = generator->condition({"a"}, torch::rand({1, 3, 32, 32}));
  const Tensor x = torch::randn({1, 3, 32, 32}), t = torch::zeros({1});
  const Tensor y = generator->forward(x, t, c);
  for (Tensor Condition::*part : {&Condition::pooled, &Condition::map, &Condition::details, &Condition::prompt}) {
    Condition changed = c;
    changed.*part = (c.*part).detach() + torch::randn_like(c.*part);
    EXPECT_GT(worst(y - generator->forward(x, t, changed)), 1e-3);
  }
}

// The gate of a pixel meets the prompt's pixel there and no other.
TEST(GanGenerator, DrawsOverThePromptPixelByPixel) {
  Generator generator = random_generator(tiny("gan", "affine"));
  const Condition c = generator->condition({"a"}, torch::rand({1, 3, 32, 32}));
  const Tensor x = torch::randn({1, 3, 32, 32}), t = torch::zeros({1});
  Condition changed = c;
  changed.prompt = c.prompt.detach().clone();
  changed.prompt.select(2, 5).select(2, 20) += 1;
  const Tensor change = (generator->forward(x, t, changed) - generator->forward(x, t, c)).abs().amax(1)[0];
  EXPECT_GT(change[5][20].item<double>(), 1e-4);
  EXPECT_EQ(change.count_nonzero().item<std::int64_t>(), 1);
}

// A block's convolutions reach 2 cells; with one resolution behind the map the image changes near the cell, elsewhere
// by the norms' common statistics alone.
TEST(GanGenerator, WhatStandsInTheMapStandsThereInTheImage) {
  ModelOptions options = tiny("gan", "joint");
  options.height = options.width = 64;
  options.decoder.widths = {16, 32};
  options.decoder.blocks = {1, 1};
  Generator generator = random_generator(options);
  const Condition c = generator->condition({"a"}, torch::rand({1, 3, 32, 32}));  // a map of 4x4 cells
  const Tensor x = torch::randn({1, 3, 64, 64}), t = torch::zeros({1});
  Condition changed = c;
  changed.map = c.map.detach().clone();
  changed.map[0].select(1, 0).select(1, 3) += 3;  // top right
  const Tensor change = (generator->forward(x, t, changed) - generator->forward(x, t, c)).abs().amax(1)[0];
  const double near = worst(change.slice(0, 0, 16).slice(1, 48));
  EXPECT_GT(near, 1e-2);
  EXPECT_LT(worst(change.slice(0, 32)), near / 10);
  EXPECT_LT(worst(change.slice(1, 0, 32)), near / 10);
}

std::string fault_of(const ModelOptions& options) {
  try {
    Generator(options, Tokenizer());
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(GanGenerator, SaysWhatDoesNotFit) {
  ModelOptions options = tiny("gan", "joint");
  EXPECT_EQ(fault_of(options), "");
  options.sampling.steps = 8;
  EXPECT_NE(fault_of(options).find("sampling.steps is 8, expected 1"), std::string::npos);
  options = tiny("gan", "joint");
  options.sampling.guidance_text = 2;
  EXPECT_NE(fault_of(options).find("guidance"), std::string::npos);
  options = tiny("gan", "joint");
  options.decoder.latent = 2000;
  EXPECT_NE(fault_of(options).find("latent is 2000"), std::string::npos);
  options = tiny("gan", "joint");
  options.decoder.blocks = {1, 0, 1};
  EXPECT_NE(fault_of(options).find("without blocks"), std::string::npos);
  options = tiny("gan", "joint");
  options.decoder.widths.back() = 40;
  EXPECT_NE(fault_of(options).find("names 40 channels"), std::string::npos);
  Generator generator = random_generator(tiny("gan", "joint"));
  SamplerOptions two;
  two.steps = 2;
  EXPECT_THROW(generator->sample({{"r", "text", torch::zeros({3, 32, 32})}}, two), Error);
}

}  // namespace
}  // namespace cigli
