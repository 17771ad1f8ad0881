#include "eval/features/efficientnet_lite.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "tests/formula_weights.h"
#include "tests/temporary_folder.h"

namespace cigli {
namespace {

using torch::Tensor;

constexpr char kSalt[] = "efficientnet-lite0";

void add_convolution(TensorFile& file, const std::string& name, const std::string& norm, at::IntArrayRef shape) {
  file.tensors[name + ".weight"] = test::formula_weight(kSalt, name + ".weight", shape);
  const auto uniform = [&](const std::string& part) {
    return test::formula_uniform(kSalt, norm + "." + part, shape.slice(0, 1));
  };
  const auto add = [&](const std::string& part, const Tensor& values) {
    file.tensors[norm + "." + part] = values.to(torch::kFloat32);
  };
  add("weight", 0.75 + 0.5 * uniform("weight"));
  add("bias", 0.1 * (2 * uniform("bias") - 1));
  add("running_mean", 0.2 * (2 * uniform("running_mean") - 1));
  add("running_var", 0.75 + 0.5 * uniform("running_var"));
}

TensorFile formula_file() {
  TensorFile file;
  add_convolution(file, "_conv_stem", "_bn0", {32, 3, 3, 3});
  const std::int64_t widths[] = {32, 16, 24, 24, 40, 40, 80, 80, 80, 112, 112, 112, 192, 192, 192, 192, 320};
  const std::int64_t kernels[] = {3, 3, 3, 5, 5, 3, 3, 3, 5, 5, 5, 5, 5, 5, 5, 3};
  for (int i = 0; i < 16; ++i) {
    const std::string name = "_blocks." + std::to_string(i) + ".";
    const std::int64_t inner = widths[i] * (i > 0 ? 6 : 1);
    if (i > 0) add_convolution(file, name + "_expand_conv", name + "_bn0", {inner, widths[i], 1, 1});
    add_convolution(file, name + "_depthwise_conv", name + "_bn1", {inner, 1, kernels[i], kernels[i]});
    add_convolution(file, name + "_project_conv", name + "_bn2", {widths[i + 1], inner, 1, 1});
  }
  add_convolution(file, "_conv_head", "_bn1", {1280, 320, 1, 1});
  file.tensors["_fc.weight"] = test::formula_weight(kSalt, "_fc.weight", {1000, 1280});
  file.tensors["_fc.bias"] = (0.1 * (2 * test::formula_uniform(kSalt, "_fc.bias", {1000}) - 1)).to(torch::kFloat32);
  return file;
}

Tensor formula_image() { return (test::formula_uniform(kSalt, "image", {1, 3, 224, 224}) * 256).floor(); }

// The first values and the sum of a row [1,N].
void expect_row(const Tensor& row, const std::vector<double>& first, double sum) {
  ASSERT_EQ(row.scalar_type(), torch::kFloat32);
  for (std::size_t i = 0; i < first.size(); ++i)
    EXPECT_NEAR(row[0][static_cast<std::int64_t>(i)].item<double>(), first[i], 1e-4);
  EXPECT_NEAR(row.sum(torch::kFloat64).item<double>(), sum, 1e-4 * std::abs(sum));
}

// What the package efficientnet-lite-pytorch 0.1.0 gives in float64.
TEST(EfficientNetLite0, MatchesThePackage) {
  PretrainedWeights weights(formula_file(), "formula");
  const EfficientNetLite0 network(weights);
  const Tensor features = network.features(formula_image());
  ASSERT_EQ(features.sizes(), at::IntArrayRef({1, EfficientNetLite0::width}));
  expect_row(features, {0.0325005403569, 5.67352129907, 0, 0.611312000135}, 2037.65900822);
  expect_row(network.logits(features), {0.221657295105, -1.25302156701, -0.367994827142, -0.191073721636},
             -74.4042934277);
}

TEST(EfficientNetLite0, GivesAnImageTheSameInABatchAndNearlyInBfloat16) {
  PretrainedWeights weights(formula_file(), "formula");
  const EfficientNetLite0 network(weights), coarse(weights, torch::kBFloat16);
  const Tensor image = formula_image(), batch = torch::cat({255 - image, image}).to(torch::kUInt8);
  const Tensor features = network.features(image);
  const auto distance = [&](const Tensor& other) {
    return ((other - features).norm() / features.norm()).item<double>();
  };
  EXPECT_LT(distance(network.features(batch)[1]), 1e-5);
  EXPECT_GT(distance(network.features(batch)[0]), 0.05);
  EXPECT_LT(distance(coarse.features(image)), 0.03);
  EXPECT_GT(distance(coarse.features(image)), 1e-3);
}

TEST(EfficientNetLite0, NamesWhatItLacks) {
  TensorFile file = formula_file();
  file.tensors.erase("_blocks.3._bn1.running_var");
  file.tensors["_conv_head.weight"] = torch::zeros({1280, 192, 1, 1});
  PretrainedWeights weights(std::move(file), "lite.pth");
  const std::string message = error_of([&] { EfficientNetLite0 network(weights); });
  EXPECT_NE(message.find("lite.pth: _blocks.3._bn1.running_var is missing"), std::string::npos) << message;
  EXPECT_NE(message.find("_conv_head.weight is [1280, 192, 1, 1], expected [1280, 320, 1, 1]"), std::string::npos);
}

TEST(EfficientNetLite0, RefusesImagesOfAnotherSize) {
  PretrainedWeights weights(formula_file(), "formula");
  const EfficientNetLite0 network(weights);
  EXPECT_THROW(network.features(torch::zeros({1, 3, 256, 256})), c10::Error);
  EXPECT_THROW(network.features(torch::zeros({3, 224, 224})), c10::Error);
}

TEST(EfficientNetLite0, MatchesThePackageWithTheTrainedWeights) {
  const char* const data = std::getenv("XDG_DATA_HOME");
  const char* const home = std::getenv("HOME");
  const std::filesystem::path folder = data && *data ? data : std::string(home ? home : "") + "/.local/share";
  const std::filesystem::path file = folder / "cigli/efficientnet-lite0.pth";
  if (!std::filesystem::exists(file)) GTEST_SKIP() << file.string() << " is not there; scripts/fetch-weights gets it";
  PretrainedWeights weights(file);
  const EfficientNetLite0 network(weights);
  const Tensor features = network.features(formula_image());
  expect_row(features, {0.587654809463, 0, 2.22405204483, 0}, 134.02990084);
  const Tensor logits = network.logits(features);
  expect_row(logits, {-2.65174847922, 0.288205859247, 1.05379085451, -0.00231053533817}, -62.512401203);
  EXPECT_EQ(logits.argmax().item<std::int64_t>(), 21);
}

}  // namespace
}  // namespace cigli
