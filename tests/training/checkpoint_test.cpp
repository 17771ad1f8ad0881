#include "training/checkpoint.h"

#include <gtest/gtest.h>

#include "runtime/files.h"
#include "tests/training/tiny_run.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using torch::Tensor;

struct Trained {
  Generator model{nullptr};
  std::unique_ptr<Optimizer> optimizer;
  TrainingState state;
};

// A model whose masters, moments and average all differ.
Trained make_trained(std::int64_t seed = 1) {
  Trained t;
  ModelOptions options = tiny_options("", "").model;
  options.height = options.width = options.prompt_height = options.prompt_width = 16;
  torch::manual_seed(static_cast<std::uint64_t>(seed));
  t.model = Generator(options, Tokenizer());
  t.optimizer = std::make_unique<Optimizer>(t.model->named_parameters(), OptimizerOptions());
  for (int step = 0; step < 3; ++step) {
    for (auto& p : t.model->parameters()) p.mutable_grad() = torch::randn(p.sizes());
    t.optimizer->step(step, 1e-2);
  }
  t.state = {3, 12.345678901234567, 0.1, 0.2, 3, 7, 4, "checksum", "teacher", {{"r1", 0.25}}};
  return t;
}

std::string save(const TemporaryFolder& run, Trained& t, std::int64_t step) {
  t.state.step = step;
  save_checkpoint(run.path(), {*t.model, *t.optimizer, t.state, nlohmann::json{{"steps", 9}}, {}});
  return list_checkpoints(run.path()).back().string();
}

TEST(Checkpoint, BringsBackOptimizerAndState) {
  const TemporaryFolder run;
  Trained saved = make_trained(1), other = make_trained(2);
  const std::string file = save(run, saved, 3);
  EXPECT_EQ(fs::path(file).filename(), "step-00000003.safetensors");
  const Checkpoint read = read_checkpoint(file);
  restore_optimizer(read, *other.optimizer);
  for (const auto buffer : {Optimizer::master, Optimizer::first_moment, Optimizer::second_moment, Optimizer::average})
    for (std::size_t i = 0; i < saved.optimizer->size(); ++i)
      EXPECT_TRUE(torch::equal(saved.optimizer->view(buffer, i), other.optimizer->view(buffer, i)));
  EXPECT_EQ(read.state.step, 3);
  EXPECT_EQ(read.state.elapsed, saved.state.elapsed);
  EXPECT_EQ(read.state.norm_sum, 0.2);
  EXPECT_EQ(read.state.data, "checksum");
  EXPECT_EQ(read.state.teacher, "teacher");
  EXPECT_EQ(read.state.more_sums, saved.state.more_sums);
}

TEST(Checkpoint, IsAModelFileOfTheAverage) {
  const TemporaryFolder run;
  Trained saved = make_trained();
  ModelInfo info;
  const Generator model = load_model(save(run, saved, 3), &info);
  for (std::size_t i = 0; i < saved.optimizer->size(); ++i)
    EXPECT_TRUE(torch::equal(model->named_parameters()[saved.optimizer->name(i)],
                             saved.optimizer->view(Optimizer::average, i)));
  EXPECT_EQ(info.metadata.at("cigli.step"), "3");
}

TEST(Checkpoint, KeepsTheLastOnes) {
  const TemporaryFolder run;
  Trained saved = make_trained();
  for (const std::int64_t step : {5, 10, 15, 100000000}) save(run, saved, step);
  prune_checkpoints(run.path(), 2, 100000000);
  std::vector<fs::path> left = list_checkpoints(run.path());
  ASSERT_EQ(left.size(), 2u);
  EXPECT_EQ(left[0].filename(), "step-00000015.safetensors");
  prune_checkpoints(run.path(), 1, 15);  // just written by a run that went back
  left = list_checkpoints(run.path());
  EXPECT_EQ(left.front().filename(), "step-00000015.safetensors");
}

TEST(Checkpoint, PassesOverADamagedOne) {
  const TemporaryFolder run;
  Trained saved = make_trained();
  EXPECT_FALSE(read_newest_checkpoint(run.path()).has_value());
  save(run, saved, 3);
  const std::string newest = save(run, saved, 6);
  const std::string bytes = read_file(newest);
  for (const std::size_t size : {bytes.size() / 2, std::size_t{9}, std::size_t{0}}) {
    write_file(newest, std::string_view(bytes).substr(0, size));
    testing::internal::CaptureStderr();
    EXPECT_EQ(read_newest_checkpoint(run.path())->state.step, 3);
    EXPECT_NE(testing::internal::GetCapturedStderr().find("step-00000006"), std::string::npos);
  }
  fs::resize_file(list_checkpoints(run.path()).front(), 20);
  testing::internal::CaptureStderr();
  EXPECT_NE(error_of([&] { read_newest_checkpoint(run.path()); }).find("step-00000006"), std::string::npos);
  testing::internal::GetCapturedStderr();
}

TEST(Checkpoint, NamesWhatDoesNotFit) {
  const TemporaryFolder run;
  Trained saved = make_trained();
  const std::string file = save(run, saved, 3);
  const TensorFile good = read_safetensors(file);
  const std::string name = "training.m." + saved.optimizer->name(0);

  TensorFile bad = good;
  bad.tensors.erase(name);
  write_safetensors(file, bad);
  EXPECT_NE(error_of([&] { restore_optimizer(read_checkpoint(file), *saved.optimizer); }).find(name),
            std::string::npos);
  bad.tensors[name] = torch::zeros({1});
  write_safetensors(file, bad);
  EXPECT_NE(error_of([&] { restore_optimizer(read_checkpoint(file), *saved.optimizer); }).find(name),
            std::string::npos);
  nlohmann::json negative = nlohmann::json::parse(good.metadata.at("training.state"));
  negative["step"] = -5;
  for (const std::string& state : {std::string(), std::string("[]"), std::string("{\"step\": 3}"),
                                   std::string("{\"step\": \"three\"}"), negative.dump()}) {
    bad = good;
    bad.metadata["training.state"] = state;
    write_safetensors(file, bad);
    EXPECT_NE(error_of([&] { read_checkpoint(file); }).find("training.state"), std::string::npos) << state;
  }
  bad.metadata.erase("training.state");
  write_safetensors(file, bad);
  EXPECT_NE(error_of([&] { read_checkpoint(file); }).find("not a training checkpoint"), std::string::npos);
}

}  // namespace
}  // namespace cigli
