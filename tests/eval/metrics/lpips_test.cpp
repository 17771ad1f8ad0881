#include "eval/metrics/lpips.h"

#include <torch/torch.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/eval/metrics/reference.h"
#include "tests/formula_weights.h"
#include "tests/temporary_folder.h"

namespace cigli {
namespace {

using torch::Tensor;

constexpr char kLpipsSalt[] = "lpips";

// AlexNet's tensors, as the package names them.
TensorFile alex() {
  const std::vector<std::pair<std::string, std::vector<std::int64_t>>> layers = {{"net.slice1.0", {64, 3, 11, 11}},
                                                                                 {"net.slice2.3", {192, 64, 5, 5}},
                                                                                 {"net.slice3.6", {384, 192, 3, 3}},
                                                                                 {"net.slice4.8", {256, 384, 3, 3}},
                                                                                 {"net.slice5.10", {256, 256, 3, 3}}};
  TensorFile file;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto& [name, shape] = layers[i];
    file.tensors[name + ".weight"] = test::formula_weight(kLpipsSalt, name + ".weight", shape);
    file.tensors[name + ".bias"] = torch::zeros({shape[0]});
    file.tensors["lin" + std::to_string(i) + ".model.1.weight"] = torch::full({1, shape[0], 1, 1}, 1.0 / shape[0]);
  }
  return file;
}

TEST(Lpips, IsADistanceOfPairs) {
  PretrainedWeights weights(alex(), "alex");
  const Lpips lpips(weights);
  EXPECT_STREQ(lpips.network(), "alex");
  const Tensor images = test::formula_uniform(kLpipsSalt, "images", {3, 3, 40, 56});
  const Tensor targets =
      torch::cat({images.slice(0, 0, 1), images.slice(0, 1, 2).flip(3), 0.5 * images.slice(0, 2, 3)});
  const Tensor distances = lpips(images, targets);
  ASSERT_EQ(distances.sizes(), at::IntArrayRef({3}));
  EXPECT_EQ(distances[0].item<double>(), 0);
  EXPECT_GT(distances[1].item<double>(), 1e-4);
  EXPECT_GT(distances[2].item<double>(), 1e-4);
  EXPECT_TRUE(torch::allclose(distances, lpips(targets, images), 1e-5));
  EXPECT_TRUE(torch::allclose(distances.slice(0, 2, 3), lpips(images.slice(0, 2, 3), targets.slice(0, 2, 3)), 1e-4));
}

TEST(Lpips, NamesWhatItLacks) {
  TensorFile file = alex();
  file.tensors.erase("net.slice3.6.bias");
  file.tensors["lin4.model.1.weight"] = torch::zeros({1, 512, 1, 1});
  PretrainedWeights weights(file, "lpips.pth");
  const std::string message = error_of([&] { Lpips lpips(weights); });
  EXPECT_NE(message.find("lpips.pth: net.slice3.6.bias is missing"), std::string::npos) << message;
  EXPECT_NE(message.find("lin4.model.1.weight is [1, 512, 1, 1], expected [1, 256, 1, 1]"), std::string::npos);

  file.tensors.erase("net.slice5.10.weight");
  PretrainedWeights others(file, "others.pth");
  EXPECT_NE(error_of([&] { Lpips lpips(others); }).find("others.pth: expected the weights of a whole LPIPS network"),
            std::string::npos);
}

TEST(Lpips, RefusesOtherShapes) {
  PretrainedWeights weights(alex(), "alex");
  const Lpips lpips(weights);
  EXPECT_THROW(lpips(torch::zeros({1, 3, 64, 64}), torch::zeros({1, 3, 64, 32})), c10::Error);
  EXPECT_THROW(lpips(torch::zeros({1, 1, 64, 64}), torch::zeros({1, 1, 64, 64})), c10::Error);
}

class LpipsReference : public MetricReference, public testing::WithParamInterface<const char*> {
 protected:
  nlohmann::json reference() const { return expected("pairs")["lpips_v0_1"][GetParam()]; }
  PretrainedWeights formula_weights() const {
    const nlohmann::json network = reference();
    const std::string salt = network["salt"];
    TensorFile file;
    for (const auto& [name, sizes] : network["tensors"].items()) {
      const auto shape = sizes.get<std::vector<std::int64_t>>();
      const std::string full = std::string(GetParam()) + "/" + name;
      const bool importance = name.rfind("lin", 0) == 0;
      if (!importance && shape.size() > 1) {
        file.tensors[name] = test::formula_weight(salt, full, shape);
        continue;
      }
      const Tensor uniform = test::formula_uniform(salt, full, shape);
      file.tensors[name] = (importance ? uniform / shape[1] : 0.1 * (2 * uniform - 1)).to(torch::kFloat32);
    }
    return PretrainedWeights(std::move(file), GetParam());
  }
  Tensor images(const std::string& name) const {
    return array("pairs/" + name).permute({0, 3, 1, 2}).to(torch::kFloat64) / 255;
  }
};

TEST_P(LpipsReference, MatchesThePackage) {
  PretrainedWeights weights = formula_weights();
  const Lpips single(weights), fine(weights, torch::kFloat64);
  EXPECT_STREQ(single.network(), GetParam());
  const nlohmann::json values = reference();
  const Tensor a = images("a"), b = images("b");
  const Tensor distances = single(a, b), shares = single.layers(a, b), exact = fine(a, b);
  for (const int i : {0, 1}) {
    const double float32 = values["value_float32"][i], float64 = values["value_float64"][i];
    EXPECT_NEAR(distances[i].item<double>(), float32, 1e-4 * float32);
    EXPECT_NEAR(exact[i].item<double>(), float64, 1e-9 * float64);
    for (std::int64_t layer = 0; layer < shares.size(1); ++layer) {
      const double share = values["per_layer_float32"][layer][i];
      EXPECT_NEAR(shares[i][layer].item<double>(), share, 1e-4 * share) << layer;
    }
  }
  EXPECT_EQ(static_cast<std::int64_t>(values["per_layer_float32"].size()), shares.size(1));
}

TEST_P(LpipsReference, TakesTheShortestImagesThatItSays) {
  PretrainedWeights weights = formula_weights();
  const Lpips lpips(weights);
  const std::int64_t shortest =
      std::map<std::string, std::int64_t>{{"alex", 31}, {"vgg", 16}, {"squeeze", 17}}[GetParam()];
  const Tensor images = test::formula_uniform(kLpipsSalt, "images", {1, 3, shortest, 40});
  EXPECT_GT(lpips(images, images.flip(3))[0].item<double>(), 0);
  const Tensor shorter = images.slice(2, 1);
  const std::string message = error_of([&] { lpips(shorter, shorter); });
  EXPECT_NE(message.find("needs images of " + std::to_string(shortest) + " pixels or more a side, got 40x" +
                         std::to_string(shortest - 1)),
            std::string::npos)
      << message;
}

INSTANTIATE_TEST_SUITE_P(Networks, LpipsReference, testing::Values("alex", "vgg", "squeeze"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace cigli
