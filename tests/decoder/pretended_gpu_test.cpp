#include "tests/pretended_gpu.h"

#include <gtest/gtest.h>

#include "tests/decoder/random_generator.h"

namespace cigli {
namespace {

using torch::Tensor;

std::vector<Request> two_requests() {
  torch::manual_seed(12);
  return {{"a", "the red one moves", torch::rand({3, 32, 32}) * 2 - 1, 3, 0},
          {"b", "and the blue one goes", torch::rand({3, 32, 32}) * 2 - 1, 4, 1}};
}

// What a model draws on the CPU, which has kernels of its own, and on a device that has none.
void expect_the_same_images(const ModelOptions& options, const SamplerOptions& sampling) {
  Generator model = random_generator(options);
  model->eval();
  const Tensor here = model->sample(two_requests(), sampling);
  model->to(pretended_gpu::device);
  EXPECT_EQ(model->device(), pretended_gpu::device);
  const Tensor there = model->sample(two_requests(), sampling);
  EXPECT_TRUE(there.device().is_cpu());
  EXPECT_GT(here.std().item<double>(), 0.1);
  EXPECT_LT((here - there).abs().max().item<double>(), 1e-3);
}

ModelOptions small_model() {
  ModelOptions o;
  o.height = o.width = o.prompt_height = o.prompt_width = 32;
  o.text.width = o.fusion.width = 32;
  o.image.widths = {16, 32, 32};
  o.decoder.widths = {32, 48};
  o.decoder.blocks = {1, 1};
  return o;
}

SamplerOptions guided_by_both(const std::string& method) {
  SamplerOptions s;
  s.method = method;
  s.steps = 3;
  s.guidance_text = 2;
  s.guidance_image = 1.5;
  return s;
}

class SamplesOnAnotherDevice : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Fusions, SamplesOnAnotherDevice, testing::Values("joint", "concat", "affine"));

TEST_P(SamplesOnAnotherDevice, AFlowDrawsTheSame) {
  ModelOptions options = small_model();
  options.fusion.kind = GetParam();
  for (const char* method : {"euler", "heun"}) expect_the_same_images(options, guided_by_both(method));
}

TEST_P(SamplesOnAnotherDevice, AGanDrawsTheSame) {
  ModelOptions options = small_model();
  options.fusion.kind = GetParam();
  options.decoder.kind = "gan";
  options.sampling.steps = 1;
  expect_the_same_images(options, options.sampling);
}

TEST(SamplerOnAnotherDevice, AFlowMapDrawsTheSame) {
  ModelOptions options = small_model();
  options.decoder.flow_map = true;
  expect_the_same_images(options, guided_by_both("euler"));
}

TEST(SamplerOnAnotherDevice, PromptsOfAnotherShapeAreAttendedToThere) {
  ModelOptions options = small_model();
  options.width = 64;
  expect_the_same_images(options, guided_by_both("euler"));
}

}  // namespace
}  // namespace cigli
