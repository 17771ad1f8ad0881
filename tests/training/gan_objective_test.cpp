#include "training/gan_objective.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/training/tiny_gan.h"
#include "training/trainer.h"

namespace cigli {
namespace {

using torch::Tensor;

// The log without what depends on the clock.
std::vector<nlohmann::json> read_gan_log(const std::string& run) {
  std::ifstream file(run + "/log.jsonl");
  std::vector<nlohmann::json> lines;
  for (std::string line; std::getline(file, line);) {
    lines.push_back(nlohmann::json::parse(line));
    lines.back().erase("elapsed");
    lines.back().erase("images_per_second");
  }
  return lines;
}

void expect_same_tensors(const std::string& a, const std::string& b) {
  const TensorFile left = read_safetensors(a), right = read_safetensors(b);
  ASSERT_EQ(left.tensors.size(), right.tensors.size());
  for (const auto& [name, tensor] : left.tensors) EXPECT_TRUE(torch::equal(tensor, right.tensors.at(name))) << name;
}

class GanPrecisions : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(All, GanPrecisions, testing::Values("bf16", "fp32"));

TEST_P(GanPrecisions, AResumedRunEqualsAnUninterruptedOne) {
  const TemporaryFolder folder;
  const std::string data = make_tiny_dataset(folder / "data", 10);
  TrainOptions whole = tiny_gan_options(data, folder / "whole"), parts = tiny_gan_options(data, folder / "parts");
  for (TrainOptions* options : {&whole, &parts}) {
    options->precision = GetParam();
    options->gan.reconstruction = 1;
    options->log_every = 3;  // the checkpoint falls between two lines
  }
  EXPECT_TRUE(Trainer(whole).run());
  {
    Trainer trainer(parts);
    for (int i = 0; i < 5; ++i) trainer.step();
    trainer.save();
    trainer.step();
  }
  parts.resume = "latest";
  torch::manual_seed(99);  // must not matter
  EXPECT_TRUE(Trainer(parts).run());
  expect_same_tensors(folder / "whole/checkpoints/step-00000008.safetensors",
                      folder / "parts/checkpoints/step-00000008.safetensors");
  const std::vector<nlohmann::json> log = read_gan_log(folder / "whole");
  EXPECT_EQ(log, read_gan_log(folder / "parts"));
  for (const char* name : {"adversarial", "discriminator_grad_norm", "discriminator_loss", "hinge_fake", "hinge_prompt",
                           "hinge_real", "hinge_text", "r1", "reconstruction"})
    EXPECT_TRUE(log.at(0).contains(name)) << name;
}

TEST(GanObjective, ItsCheckpointHoldsTheDiscriminatorAndIsAModelFileAllTheSame) {
  const TemporaryFolder folder;
  TrainOptions options = tiny_gan_options(make_tiny_dataset(folder / "data", 6), folder / "run", "affine");
  options.steps = 2;
  Trainer(options).run();
  const std::string file = folder / "run/checkpoints/step-00000002.safetensors";
  const TensorFile content = read_safetensors(file);
  for (const char* part : {"master", "m", "v"})
    EXPECT_TRUE(content.tensors.count("training.discriminator." + std::string(part) + ".out.weight")) << part;
  EXPECT_EQ(load_model(file)->options.decoder.kind, "gan");

  TensorFile bad = content;
  bad.tensors.erase("training.discriminator.v.out.weight");
  write_safetensors(file, bad);
  options.resume = file;
  EXPECT_NE(error_of([&] { Trainer{options}; }).find("training.discriminator.v.out.weight is missing"),
            std::string::npos);
}

// Some weights start at zero, so that those before them move a few steps later.
TEST(GanObjective, MovesEveryWeightOfTheGeneratorThroughEveryFusion) {
  const TemporaryFolder folder;
  const std::string data = make_tiny_dataset(folder / "data", 6);
  for (const char* fusion : {"joint", "affine", "concat"}) {
    TrainOptions options = tiny_gan_options(data, folder / fusion, fusion);
    options.precision = "fp32";
    options.optimizer.weight_decay = 0;  // which moves weights whose gradient is zero
    Trainer trainer(options);
    std::vector<Tensor> before;
    for (const Tensor& p : trainer.model()->parameters()) before.push_back(p.detach().clone());
    for (int i = 0; i < 6; ++i) trainer.step();
    std::size_t i = 0;
    for (const auto& p : trainer.model()->named_parameters()) {
      const bool moved = !torch::equal(p.value(), before[i++]);
      EXPECT_TRUE(moved || p.key().find(".null_") != std::string::npos) << fusion << " " << p.key();
    }
  }
}

// Discs whose colour the text says and whose place the prompt shows: real pairs, images with another colour (fake),
// and pairs with another row's text or prompt.
TEST(GanObjectiveSlow, TheDiscriminatorLearnsWhatIsRealAndWhatBelongsTogether) {
  const TemporaryFolder folder;
  TrainOptions options = tiny_gan_options(make_tiny_dataset(folder / "data", 12), folder / "run");
  options.precision = "fp32";
  options.schedule.warmup = 0;
  options.schedule.learning_rate = 0;  // the generator stands still
  options.gan.learning_rate = 5e-4;
  options.gan.r1 = 0.01;
  options.batch_size = 12;
  options.steps = 1000;
  options.schedule.flat = 1;
  Trainer trainer(options);
  for (int i = 0; i < 400; ++i) trainer.step();
  const std::vector<nlohmann::json> log = read_gan_log(folder / "run");
  for (const char* name : {"hinge_real", "hinge_fake", "hinge_text", "hinge_prompt"}) {
    double late = 0;
    for (std::size_t i = log.size() - 5; i < log.size(); ++i) late += log[i][name].get<double>() / 5;
    EXPECT_LT(late, 0.2) << name;  // an undecided logit has 1
  }
}

TEST(GanObjectiveSlow, OverfitsFourPairsWithReconstruction) {
  for (const char* fusion : {"joint", "affine", "concat"}) {
    const TemporaryFolder folder;
    TrainOptions options = tiny_gan_options(make_tiny_dataset(folder / "data", 4), folder / "run", fusion);
    options.steps = 500;
    options.batch_size = 8;
    options.schedule.learning_rate = 1e-3;
    options.gan.learning_rate = 2e-4;
    options.gan.reconstruction = 100;
    options.save_every = 0;
    Trainer trainer(options);
    trainer.run();
    Generator model = load_model(folder / "run");
    const Batch pairs = trainer.data().pack.batch({0, 1, 2, 3});
    std::vector<Request> requests;
    for (std::int64_t i = 0; i < 4; ++i)
      requests.push_back(
          {pairs.ids[static_cast<std::size_t>(i)], pairs.texts[static_cast<std::size_t>(i)], pairs.prompt[i], 1, 0});
    const Tensor images = model->sample(requests, model->options.sampling);
    EXPECT_LT((images - pairs.target).abs().mean().item<double>(), 0.08) << fusion;
  }
}

}  // namespace
}  // namespace cigli
