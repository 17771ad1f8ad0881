#include "eval/metrics/retrieval_metrics.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "runtime/npy.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using torch::Tensor;

const fs::path kEmbeddings = fs::path(CIGLI_TEST_DATA) / "oracles/metrics/embeddings";

class RetrievalMetricsTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(kEmbeddings)) GTEST_SKIP() << kEmbeddings << " is not there: reference values are not compared";
    expected_ = nlohmann::json::parse(std::ifstream(kEmbeddings / "expected.json"));
  }
  static Tensor array(const std::string& name) { return read_npy(kEmbeddings / (name + ".npy")); }
  nlohmann::json expected_;
};

TEST_F(RetrievalMetricsTest, ClipScoresAreTheReferences) {
  const auto& of = expected_["clipscore"];
  const Tensor scores = clip_score(array("image"), array("text"));
  const Tensor with = reference_clip_score(array("image"), array("text"), array("reference_text"));
  const auto each = of["clipscore_per_instance"].get<std::vector<double>>();
  ASSERT_EQ(each.size(), static_cast<std::size_t>(scores.size(0)));
  for (std::size_t i = 0; i < each.size(); ++i)
    EXPECT_NEAR(scores[static_cast<std::int64_t>(i)].item<double>(), each[i], 1e-5) << i;
  EXPECT_NEAR(scores.mean().item<double>(), of["clipscore_mean"].get<double>(), 1e-5);
  EXPECT_NEAR(with.mean().item<double>(), of["refclipscore_mean"].get<double>(), 1e-5);
}

TEST_F(RetrievalMetricsTest, RPrecisionHitsWhereTheReferenceDoes) {
  const auto unit = [](const Tensor& rows) { return rows / rows.norm(2, 1, true).clamp_min(1e-8); };
  const Tensor hits =
      r_precision(unit(array("rprec_image").to(torch::kFloat64)), unit(array("rprec_text").to(torch::kFloat64)),
                  array("rprec_candidates").to(torch::kInt64));
  const auto expected = expected_["r_precision"]["hit_at_1"].get<std::vector<double>>();
  ASSERT_EQ(expected.size(), static_cast<std::size_t>(hits.size(0)));
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_EQ(hits[static_cast<std::int64_t>(i)].item<double>(), expected[i]) << i;
}

TEST(RetrievalMetrics, ACollapsedEncoderScoresChance) {
  torch::manual_seed(1);
  const Tensor images = torch::randn({8, 33}), conditions = torch::randn({1, 33}).expand({100, 33}).contiguous();
  const Tensor candidates = torch::arange(20).expand({8, 20}) + torch::arange(8).unsqueeze(1);
  EXPECT_TRUE(torch::allclose(r_precision(images, conditions, candidates), torch::full({8}, 0.05, torch::kFloat64)));
}

TEST(RetrievalMetrics, TiesAtTheTopAreShared) {
  const Tensor images = torch::tensor({{1.0, 0.0}});
  const Tensor conditions = torch::tensor({{2.0, 1.0}, {2.0, -1.0}, {1.0, 0.0}, {3.0, 0.0}});
  EXPECT_EQ(r_precision(images, conditions, torch::tensor({{0, 1, 2}})).item<double>(), 0.5);
  EXPECT_EQ(r_precision(images, conditions, torch::tensor({{0, 1, 3}})).item<double>(), 0);
  EXPECT_EQ(r_precision(images, conditions, torch::tensor({{3, 0, 1}})).item<double>(), 1);
}

}  // namespace
}  // namespace cigli
