#include <gtest/gtest.h>

#include <filesystem>

#include "training/train_options.h"

namespace cigli {
namespace {

ModelOptions model_of(const std::string& config) {
  TrainOptions options;
  read_toml(fields_of(options), std::filesystem::path(CIGLI_SOURCE_DIR) / "configs" / config);
  return options.model;
}

// Of all that generating needs: encoders, fusion, generator.
std::int64_t weights_of(const std::string& config) {
  std::int64_t weights = 0;
  for (const auto& p : Generator(model_of(config), Tokenizer())->parameters()) weights += p.numel();
  return weights;
}

TEST(GanConfigs, DifferInTheirFusionAndNotInTheirSize) {
  const std::int64_t joint = weights_of("gan-joint-64.toml");
  EXPECT_GT(joint, 7000000);
  EXPECT_LT(joint, 8500000);
  for (const char* kind : {"joint", "concat", "affine"}) {
    const std::string config = std::string("gan-") + kind + "-64.toml";
    EXPECT_EQ(model_of(config).fusion.kind, kind);
    const std::int64_t weights = weights_of(config);
    RecordProperty(kind, static_cast<int>(weights));
    EXPECT_NEAR(static_cast<double>(weights), static_cast<double>(joint), 0.05 * static_cast<double>(joint)) << kind;
  }
}

}  // namespace
}  // namespace cigli
