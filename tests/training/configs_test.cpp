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

}  // namespace
}  // namespace cigli
