#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <tuple>

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
    // Photographs of 4:3, which stand in a pack with these sides.
    for (const auto& [name, height, width] : {std::tuple{"photo-128", 128, 176}, {"photo-256", 256, 352}})
      if (entry.path().stem() == name) {
        options.model.height = options.model.prompt_height = height;
        options.model.width = options.model.prompt_width = width;
      }
    EXPECT_NO_THROW(Generator(options.model, Tokenizer()));
    ++count;
  }
  EXPECT_GE(count, 6);
}

// Those of the flagship's weights that its loss moves with these inputs, and those that it doesn't: names and sizes.
struct Learning {
  std::map<std::string, std::int64_t> moved, idle;
};
Learning learning_of(const std::string& inputs) {
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
  Learning found;
  for (const auto& p : model->named_parameters()) {
    const bool moved = p.value().grad().defined() && p.value().grad().count_nonzero().item<std::int64_t>() > 0;
    (moved ? found.moved : found.idle)[p.key()] = p.value().numel();
  }
  return found;
}

std::int64_t sum_of(const std::map<std::string, std::int64_t>& sizes) {
  std::int64_t sum = 0;
  for (const auto& [name, size] : sizes) sum += size;
  return sum;
}

// What the comparison says of text-only and image-only: the flagship's network with all its weights, of which the lost
// input's encoder and what reads it stay idle, an eighth at most.
TEST(Configs, HalvesOfTheFlagshipLearnWithMostOfIt) {
  const Learning whole = learning_of("both");
  EXPECT_EQ(sum_of(whole.idle), 0);
  EXPECT_GT(sum_of(whole.moved), 7'000'000);
  const std::map<std::string, std::vector<std::string>> lost{
      {"text-only", {"image_encoder.", "fusion.image_in.", "denoiser.details_in.weight"}},
      {"image-only", {"text_encoder.", "fusion.text_in."}}};
  for (const auto& [half, parts] : lost) {
    const Learning found = learning_of(half);
    const auto is_lost = [&parts = parts](const std::string& name) {
      return std::any_of(parts.begin(), parts.end(), [&](const std::string& part) { return name.rfind(part, 0) == 0; });
    };
    for (const auto& [name, size] : found.moved) EXPECT_FALSE(is_lost(name)) << half << " " << name;
    for (const auto& [name, size] : found.idle) EXPECT_TRUE(is_lost(name)) << half << " " << name;
    EXPECT_EQ(sum_of(found.idle) + sum_of(found.moved), sum_of(whole.moved)) << half;
    EXPECT_LT(8 * sum_of(found.idle), sum_of(whole.moved)) << half;
  }
}

}  // namespace
}  // namespace cigli
