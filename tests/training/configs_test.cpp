#include <gtest/gtest.h>

#include <filesystem>

#include "training/trainer.h"

namespace cigli {
namespace {

// Every configuration that the project ships is understood and describes a model that can be built.
TEST(Configs, DescribeModels) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(CIGLI_SOURCE_DIR "/configs")) {
    SCOPED_TRACE(entry.path().filename().string());
    TrainOptions options;
    read_toml(fields_of(options), entry.path());
    if (entry.path().stem().string().find("-256") != std::string::npos)
      options.model.height = options.model.width = 256;
    EXPECT_NO_THROW(Generator(options.model, Tokenizer()));
    ++count;
  }
  EXPECT_GE(count, 6);
}

// What the comparison says of text-only and image-only: the flagship's network, which loses an input and no weights.
TEST(Configs, HalvesOfTheFlagshipHaveItsSize) {
  const auto weights_of = [](const std::string& inputs) {
    TrainOptions options;
    read_toml(fields_of(options), CIGLI_SOURCE_DIR "/configs/shapes-64.toml");
    options.model.fusion.inputs = inputs;
    std::int64_t weights = 0;
    for (const auto& p : Generator(options.model, Tokenizer())->parameters()) weights += p.numel();
    return weights;
  };
  EXPECT_GT(weights_of("both"), 7'000'000);
  for (const char* half : {"text-only", "image-only"}) EXPECT_EQ(weights_of(half), weights_of("both")) << half;
}

}  // namespace
}  // namespace cigli
