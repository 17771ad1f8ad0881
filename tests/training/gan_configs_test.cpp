#include <gtest/gtest.h>

#include <filesystem>

#include "training/train_options.h"

namespace cigli {
namespace {

TrainOptions options_of(const std::string& kind) {
  TrainOptions options;
  read_toml(fields_of(options), std::filesystem::path(CIGLI_SOURCE_DIR) / "configs" / ("gan-" + kind + "-64.toml"));
  return options;
}

// Of all that generating needs: encoders, fusion, generator.
std::int64_t weights_of(const std::string& kind) {
  std::int64_t weights = 0;
  for (const auto& p : Generator(options_of(kind).model, Tokenizer())->parameters()) weights += p.numel();
  return weights;
}

// All but what may differ: the fusion, with it the generator's widths, and what was chosen on validation for each.
nlohmann::json shared_settings_of(const std::string& kind) {
  TrainOptions options = options_of(kind);
  nlohmann::json settings = write_json(fields_of(options));
  settings["model"].erase("fusion");
  settings["model"]["decoder"].erase("widths");
  settings["gan"].erase("reconstruction");
  settings["gan"].erase("learning_rate");
  settings.erase("learning_rate");
  return settings;
}

TEST(GanConfigs, DifferInTheirFusionAndNotInTheirSize) {
  const std::int64_t joint = weights_of("joint");
  EXPECT_GT(joint, 7000000);
  EXPECT_LT(joint, 8500000);
  for (const char* kind : {"joint", "concat", "affine"}) {
    EXPECT_EQ(options_of(kind).model.fusion.kind, kind);
    const std::int64_t weights = weights_of(kind);
    RecordProperty(kind, static_cast<int>(weights));
    EXPECT_NEAR(static_cast<double>(weights), static_cast<double>(joint), 0.05 * static_cast<double>(joint)) << kind;
  }
}

TEST(GanConfigs, ShareAllElse) {
  const nlohmann::json joint = shared_settings_of("joint");
  EXPECT_EQ(joint["gan"].count("mismatch"), 1);
  for (const char* kind : {"concat", "affine"})
    EXPECT_EQ(nlohmann::json::diff(joint, shared_settings_of(kind)), nlohmann::json::array()) << kind;
}

}  // namespace
}  // namespace cigli
