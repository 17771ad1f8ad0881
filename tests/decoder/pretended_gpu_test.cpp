#include "tests/pretended_gpu.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "dataset/tensor_image.h"
#include "dataset/upload.h"
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
  EXPECT_EQ(there.device(), pretended_gpu::device);
  EXPECT_GT(here.std().item<double>(), 0.1);
  EXPECT_LT((here - there.cpu()).abs().max().item<double>(), 1e-3);
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
  ModelOptions options = tiny_model();
  options.fusion.kind = GetParam();
  for (const char* method : {"euler", "heun"}) expect_the_same_images(options, guided_by_both(method));
}

TEST_P(SamplesOnAnotherDevice, AGanDrawsTheSame) {
  ModelOptions options = tiny_model();
  options.fusion.kind = GetParam();
  options.decoder.kind = "gan";
  options.sampling.steps = 1;
  expect_the_same_images(options, options.sampling);
}

TEST(SamplerOnAnotherDevice, AFlowMapDrawsTheSame) {
  ModelOptions options = tiny_model();
  options.decoder.flow_map = true;
  expect_the_same_images(options, guided_by_both("euler"));
}

TEST(SamplerOnAnotherDevice, PromptsOfAnotherShapeAreAttendedToThere) {
  ModelOptions options = tiny_model();
  options.width = 64;
  expect_the_same_images(options, guided_by_both("euler"));
}

Image any_image(unsigned seed) {
  Image image(9, 5);
  for (std::uint8_t& value : image.pixels)
    value = static_cast<std::uint8_t>((seed = seed * 1664525 + 1013904223) >> 24);
  return image;
}

TEST(PixelsOnAnotherDevice, BecomeTheSameValuesThere) {
  const Image a = any_image(1), b = any_image(2);
  const std::vector<const std::uint8_t*> pixels{a.pixels.data(), b.pixels.data()};
  for (const torch::Dtype dtype : {torch::kFloat32, torch::kBFloat16}) {
    const Tensor here = to_batch(pixels, 5, 9, dtype);
    const Tensor there = to_batch(pixels, 5, 9, torch::dtype(dtype).device(pretended_gpu::device));
    EXPECT_EQ(there.device(), pretended_gpu::device);
    EXPECT_EQ(there.scalar_type(), dtype);
    EXPECT_EQ(there.strides(), here.strides());
    EXPECT_TRUE(torch::allclose(there.cpu().to(torch::kFloat32), here.to(torch::kFloat32), 0, 1e-6));
  }
}

TEST(PixelsOnAnotherDevice, AreMadeThereAsOnTheProcessor) {
  torch::manual_seed(5);
  Tensor values = torch::rand({3, 3, 5, 9}) * 2.4 - 1.2;
  values[0][0][0][0] = std::numeric_limits<float>::quiet_NaN();
  values[1][2][4][8] = std::numeric_limits<float>::infinity();
  values[2][1][0][0] = -std::numeric_limits<float>::infinity();
  for (const auto layout : {torch::MemoryFormat::Contiguous, torch::MemoryFormat::ChannelsLast}) {
    const Tensor laid = values.contiguous(layout);
    const std::vector<Image> here = to_images(laid), there = to_images(laid.to(pretended_gpu::device));
    ASSERT_EQ(here.size(), 3U);
    EXPECT_EQ(here, there);
    for (std::int64_t i = 0; i < 3; ++i) EXPECT_EQ(here[static_cast<std::size_t>(i)], to_image(values[i]));
  }
}

TEST(PixelsOnAnotherDevice, AreUploaded) {
  const Image a = any_image(3);
  const auto read = [&] {
    const auto batch = [&] { return to_batch({a.pixels.data()}, 5, 9, pretended_gpu::device); };
    return Batch{{"a"}, {"a text"}, batch(), batch()};
  };
  const Batch batch = Upload(read, pretended_gpu::device).get();
  EXPECT_EQ(batch.texts, std::vector<std::string>{"a text"});
  EXPECT_EQ(to_images(batch.prompt), std::vector<Image>{a});
  EXPECT_EQ(to_images(batch.target), std::vector<Image>{a});
}

}  // namespace
}  // namespace cigli
