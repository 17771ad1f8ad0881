#include "eval/features/inception.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "eval/metrics/resampling.h"
#include "runtime/error.h"
#include "runtime/npy.h"
#include "tests/eval/features/inception_weights.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using torch::Tensor;

const fs::path kOracle = fs::path(CIGLI_TEST_DATA) / "oracles/metrics/inception";

Tensor oracle_image(int i) {
  return read_npy(kOracle / ("image" + std::to_string(i) + ".npy")).permute({2, 0, 1}).unsqueeze(0);
}

double relative_distance(const Tensor& found, const Tensor& expected) {
  const Tensor wanted = expected.to(torch::kFloat64).reshape(found.sizes());
  return ((found.to(torch::kFloat64) - wanted).norm() / wanted.norm()).item<double>();
}

class InceptionTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(kOracle)) GTEST_SKIP() << kOracle << " is not there: reference values are not compared";
  }
};

// Rows of one oracle file against the network's own, an image at a time as the reference had it.
double distance_from(const std::string& file, const Inception& network, Resampling how, std::int64_t layer,
                     bool logits = false) {
  std::vector<Tensor> rows;
  for (int i = 0; i < 4; ++i) {
    const auto found = network(inception_input(oracle_image(i), how), layer);
    rows.push_back(logits ? found.logits : found.features);
  }
  return relative_distance(torch::cat(rows), read_npy(kOracle / file));
}

TEST_F(InceptionTest, GivesWhatTheReferenceImplementationsGive) {
  PretrainedWeights weights = test::inception_weights("fid-oracle-public");
  const Inception network(weights);
  EXPECT_LT(distance_from("pytorch_fid_pool2048.npy", network, Resampling::torch_bilinear, 2048), 2e-5);
  EXPECT_LT(distance_from("torch_fidelity_pool2048.npy", network, Resampling::tf1_bilinear, 2048), 2e-5);
  EXPECT_LT(distance_from("torch_fidelity_logits_unbiased.npy", network, Resampling::tf1_bilinear, 2048, true), 2e-5);
  EXPECT_LT(distance_from("clean_fid_pool2048.npy", network, Resampling::clean, 2048), 2e-5);
  for (const std::int64_t layer : {64, 192, 768})
    EXPECT_LT(
        distance_from("pytorch_fid_dims" + std::to_string(layer) + ".npy", network, Resampling::torch_bilinear, layer),
        2e-5)
        << layer;
}

TEST_F(InceptionTest, InDoublePrecisionToTenDigits) {
  namespace F = torch::nn::functional;
  PretrainedWeights weights = test::inception_weights("fid-oracle-public");
  const Inception network(weights, torch::kFloat64);
  const auto size = F::InterpolateFuncOptions().size(std::vector<std::int64_t>{299, 299}).mode(torch::kBilinear);
  std::vector<Tensor> rows;
  for (int i = 0; i < 4; ++i) {
    const Tensor unit = oracle_image(i).to(torch::kFloat32).div(255).to(torch::kFloat64);  // as the reference did
    rows.push_back(
        network(2 * F::interpolate(unit, F::InterpolateFuncOptions(size).align_corners(false)) - 1).features);
  }
  EXPECT_LT(relative_distance(torch::cat(rows), read_npy(kOracle / "pytorch_fid_pool2048_float64.npy")), 1e-10);
}

TEST(Inception, NamesMissingAndMisshapenWeights) {
  TensorFile content = test::inception_tensors("s");
  content.tensors.erase("Mixed_7c.branch1x1.conv.weight");
  content.tensors["fc.weight"] = torch::zeros({1000, 2048});
  PretrainedWeights weights(std::move(content), "w.pth");
  try {
    const Inception network(weights);
    FAIL() << "expected an Error";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(),
                 "w.pth: Mixed_7c.branch1x1.conv.weight is missing; fc.weight is [1000, 2048], expected [1008, 2048]");
  }
}

}  // namespace
}  // namespace cigli
