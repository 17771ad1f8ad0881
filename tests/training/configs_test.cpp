#include <gtest/gtest.h>

#include <filesystem>

#include "training/loss.h"
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

// The share of the flagship's weights that learn with these inputs: those that its loss moves.
double learning_share(const std::string& inputs) {
  TrainOptions options;
  read_toml(fields_of(options), CIGLI_SOURCE_DIR "/configs/shapes-64.toml");
  options.model.fusion.inputs = inputs;
  torch::manual_seed(0);
  Generator model(options.model, Tokenizer());
  {
    const torch::NoGradGuard no_grad;
    // What begins at zero would hide what lies before it.
    for (auto& p : model->parameters()) p += 0.02 * torch::randn_like(p);
  }
  const auto images = [] { return torch::rand({2, 3, 64, 64}) * 2 - 1; };
  const torch::Tensor clean = images(), t = torch::tensor({0.2, 0.7});
  // One pair sees its inputs, the other none, as in training.
  const torch::Tensor seen = torch::tensor({true, false});
  const Condition condition = model->condition({"add a red square", "keep the circles"}, images(), {seen, seen});
  flow_loss(model->forward(images(), {t}, condition), clean, t).backward();
  std::int64_t learning = 0, all = 0;
  for (const auto& p : model->parameters()) {
    all += p.numel();
    if (p.grad().defined() && p.grad().count_nonzero().item<std::int64_t>() > 0) learning += p.numel();
  }
  return static_cast<double>(learning) / static_cast<double>(all);
}

// What the comparison says of text-only and image-only: the flagship's network, of which the lost input's encoder alone
// stays idle.
TEST(Configs, HalvesOfTheFlagshipLearnWithMostOfIt) {
  EXPECT_EQ(learning_share("both"), 1);
  // Of a tokenizer without merges: with the comparison's vocabulary 0.880 and 0.928.
  EXPECT_NEAR(learning_share("text-only"), 0.879, 0.002);
  EXPECT_NEAR(learning_share("image-only"), 0.936, 0.002);
}

}  // namespace
}  // namespace cigli
