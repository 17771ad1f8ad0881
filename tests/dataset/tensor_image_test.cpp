#include "dataset/tensor_image.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <limits>

#include "samples.h"

namespace cigli {
namespace {

TEST(TensorImage, AllValuesSurvive) {
  Image image(16, 16);
  for (int i = 0; i < 256; ++i) image.pixels[3 * i] = image.pixels[3 * i + 2] = static_cast<std::uint8_t>(i);
  const torch::Tensor tensor = to_tensor(image);
  EXPECT_EQ(tensor.sizes(), (std::vector<std::int64_t>{3, 16, 16}));
  EXPECT_EQ(tensor.min().item<float>(), -1.0F);
  EXPECT_EQ(tensor.max().item<float>(), 1.0F);
  EXPECT_FLOAT_EQ(tensor[0][2][3].item<float>(), 35 / 127.5F - 1);
  EXPECT_EQ(to_image(tensor), image);
  EXPECT_EQ(to_image(tensor.to(torch::kFloat64)), image);
  EXPECT_EQ(to_image(tensor.unsqueeze(0).contiguous(at::MemoryFormat::ChannelsLast)[0]), image);
}

TEST(TensorImage, ClampsAndTakesNoNan) {
  torch::Tensor tensor = at::zeros({3, 1, 4});
  tensor[0][0][0] = 7.0F;
  tensor[0][0][1] = -7.0F;
  tensor[0][0][2] = std::numeric_limits<float>::quiet_NaN();
  const Image image = to_image(tensor);
  EXPECT_EQ(image.at(0, 0)[0], 255);
  EXPECT_EQ(image.at(1, 0)[0], 0);
  EXPECT_EQ(image.at(2, 0)[0], 0);
  EXPECT_EQ(image.at(3, 0)[0], 128);
  EXPECT_THROW(to_image(at::zeros({1, 4, 4})), c10::Error);
  EXPECT_THROW(to_image(at::zeros({1, 3, 4, 4})), c10::Error);
}

TEST(TensorImage, BatchIsTheImagesInChannelsLast) {
  const Image a = sample_image(16, 8, 1), b = sample_image(16, 8, 2);
  const torch::Tensor batch = to_batch({a.pixels.data(), b.pixels.data()}, 8, 16);
  EXPECT_EQ(batch.sizes(), (std::vector<std::int64_t>{2, 3, 8, 16}));
  EXPECT_TRUE(batch.is_contiguous(at::MemoryFormat::ChannelsLast));
  EXPECT_TRUE(at::equal(batch[0], to_tensor(a)));
  EXPECT_TRUE(at::equal(batch[1], to_tensor(b)));
  const torch::Tensor half = to_batch({a.pixels.data(), b.pixels.data()}, 8, 16, torch::kBFloat16);
  EXPECT_TRUE(at::equal(half, batch.to(torch::kBFloat16)));
  EXPECT_EQ(to_images(batch), (std::vector<Image>{a, b}));
  EXPECT_TRUE(to_images(batch.slice(0, 0, 0)).empty());
  EXPECT_THROW(to_images(batch[0]), c10::Error);
  EXPECT_THROW(to_batch({a.pixels.data()}, 8, 16, torch::kInt), c10::Error);
}

}  // namespace
}  // namespace cigli
