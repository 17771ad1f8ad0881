#include "training/trainer.h"

#include <gtest/gtest.h>

#include <csignal>
#include <fstream>

#include "runtime/files.h"
#include "tests/training/tiny_run.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using torch::Tensor;

std::vector<nlohmann::json> read_whole_log(const std::string& run) {
  std::ifstream file(run + "/log.jsonl");
  std::vector<nlohmann::json> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

// The log without what depends on the clock.
std::vector<nlohmann::json> read_log(const std::string& run) {
  std::vector<nlohmann::json> lines = read_whole_log(run);
  for (nlohmann::json& line : lines) {
    line.erase("elapsed");
    line.erase("images_per_second");
  }
  return lines;
}

void expect_same_weights(const std::string& a, const std::string& b) {
  const TensorFile left = read_safetensors(a), right = read_safetensors(b);
  ASSERT_EQ(left.tensors.size(), right.tensors.size());
  for (const auto& [name, tensor] : left.tensors) EXPECT_TRUE(torch::equal(tensor, right.tensors.at(name))) << name;
}

std::string fault_of(const TrainOptions& options) {
  return error_of([&] { Trainer{options}; });
}

class Precisions : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(All, Precisions, testing::Values("bf16", "fp32"));

TEST_P(Precisions, AResumedRunEqualsAnUninterruptedOne) {
  const TemporaryFolder folder;
  const std::string data = make_tiny_dataset(folder / "data", 10);
  TrainOptions whole = tiny_options(data, folder / "whole"), parts = tiny_options(data, folder / "parts");
  whole.precision = parts.precision = GetParam();
  EXPECT_TRUE(Trainer(whole).run());
  {
    Trainer trainer(parts);
    for (int i = 0; i < 5; ++i) trainer.step();
    trainer.save();
    for (int i = 0; i < 2; ++i) trainer.step();  // lost, like the log lines behind the checkpoint
  }
  parts.resume = "latest";
  {
    Trainer trainer(parts);
    EXPECT_EQ(trainer.state().step, 5);
    EXPECT_TRUE(trainer.run());
  }
  expect_same_weights(folder / "whole/model.safetensors", folder / "parts/model.safetensors");
  expect_same_weights(folder / "whole/checkpoints/step-00000008.safetensors",
                      folder / "parts/checkpoints/step-00000008.safetensors");
  EXPECT_EQ(read_log(folder / "whole"), read_log(folder / "parts"));
  EXPECT_EQ(read_log(folder / "whole").size(), 4u);
}

// The last period of the log is cut short, just where a checkpoint is due.
TEST(Trainer, ResumingAFinishedRunAddsNothing) {
  const TemporaryFolder folder;
  TrainOptions options = tiny_options(make_tiny_dataset(folder / "data", 10), folder / "run");
  options.save_every = 4;
  options.log_every = 3;
  EXPECT_TRUE(Trainer(options).run());
  const std::vector<nlohmann::json> log = read_whole_log(folder / "run");
  ASSERT_EQ(log.size(), 3u);
  options.resume = "latest";
  EXPECT_TRUE(Trainer(options).run());
  EXPECT_EQ(read_whole_log(folder / "run"), log);
}

TEST(Trainer, EndsAtASignalAndGoesOnFromThere) {
  const TemporaryFolder folder;
  const std::string data = make_tiny_dataset(folder / "data", 10);
  TrainOptions options = tiny_options(data, folder / "run");
  options.steps = 1000000;
  options.save_every = 0;
  Trainer trainer(options);
  std::thread([] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    std::raise(SIGTERM);
  }).detach();
  EXPECT_FALSE(trainer.run());
  EXPECT_GT(trainer.state().step, 0);
  options.resume = "latest";
  EXPECT_EQ(Trainer(options).state().step, trainer.state().step);
  EXPECT_TRUE(fs::exists(folder / "run/model.safetensors"));
}

TEST(Trainer, LeavesItsTraces) {
  const TemporaryFolder folder;
  TrainOptions options = tiny_options(make_tiny_dataset(folder / "data", 6), folder / "run");
  options.steps = 4;
  options.sample_every = 2;
  Trainer(options).run();
  for (const char* name : {"config.toml", "data.pack", "log.jsonl", "model.safetensors", "samples/step-00000002.png",
                           "samples/step-00000004.png", "checkpoints/step-00000004.safetensors"})
    EXPECT_TRUE(fs::exists(folder / ("run/" + std::string(name)))) << name;
  TrainOptions read;
  read_toml(fields_of(read), folder / "run/config.toml");
  EXPECT_EQ(read.model.decoder.widths, options.model.decoder.widths);
  EXPECT_EQ(read.model.height, 16);
  EXPECT_EQ(load_model(folder / "run")->words, (std::vector<std::string>{"blue", "it", "make", "red"}));
}

TEST(Trainer, SamplingDoesNotChangeTheTraining) {
  const TemporaryFolder folder;
  const std::string data = make_tiny_dataset(folder / "data", 6);
  TrainOptions plain = tiny_options(data, folder / "plain"), sampled = tiny_options(data, folder / "sampled");
  sampled.sample_every = 1;
  Trainer(plain).run();
  Trainer(sampled).run();
  expect_same_weights(folder / "plain/model.safetensors", folder / "sampled/model.safetensors");
}

TEST(Trainer, StopsAtANonFiniteLossAndKeepsWhatItHas) {
  const TemporaryFolder folder;
  TrainOptions options = tiny_options(make_tiny_dataset(folder / "data", 6), folder / "run");
  Trainer trainer(options);
  for (int i = 0; i < 3; ++i) trainer.step();
  trainer.save();
  const std::string saved = read_file(list_checkpoints(folder / "run").back());
  {
    const torch::NoGradGuard no_grad;
    trainer.model()->parameters().front().fill_(std::numeric_limits<double>::quiet_NaN());
  }
  try {
    trainer.run();
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("step 4: the loss is"), std::string::npos) << error.what();
  }
  ASSERT_EQ(list_checkpoints(folder / "run").size(), 1u);
  EXPECT_EQ(read_file(list_checkpoints(folder / "run").back()), saved);
  EXPECT_FALSE(fs::exists(folder / "run/model.safetensors"));
}

TEST(Trainer, StartsFromTheWeightsOfAModel) {
  const TemporaryFolder folder;
  const std::string data = make_tiny_dataset(folder / "data", 6);
  TrainOptions options = tiny_options(data, folder / "first");
  Trainer(options).run();
  options.out = folder / "second";
  options.init = folder / "first/model.safetensors";
  options.seed = 7;
  Trainer second(options);
  const Generator first = load_model(options.init);
  const auto weights = first->named_parameters();
  for (const auto& item : second.model()->named_parameters())
    EXPECT_TRUE(torch::equal(item.value(), weights[item.key()].to(item.value().scalar_type()))) << item.key();
  EXPECT_EQ(second.state().step, 0);
  EXPECT_TRUE(second.run());
  options.out = folder / "third";
  options.model.decoder.widths = {32, 32};
  EXPECT_NE(error_of([&] { Trainer third(options); }).find("another architecture"), std::string::npos);
}

TEST(Trainer, EndsByTheClock) {
  const TemporaryFolder folder;
  TrainOptions options = tiny_options(make_tiny_dataset(folder / "data", 6), folder / "run");
  options.steps.reset();
  options.minutes = 1.0 / 60;
  options.save_every = 0;  // a slow disk would tell in the clock
  options.log_every = 1;
  options.schedule.warmup = 0;
  options.schedule.flat = 0;
  Trainer trainer(options);
  EXPECT_TRUE(trainer.run());
  EXPECT_GE(trainer.state().elapsed, 1);
  const std::vector<nlohmann::json> log = read_whole_log(folder / "run");
  EXPECT_EQ(static_cast<std::int64_t>(log.size()), trainer.state().step);
  // The rate of a step follows the clock at its beginning.
  for (std::size_t i = 1; i < log.size(); ++i) {
    const double begun = std::min(1.0, log[i - 1]["elapsed"].get<double>());
    EXPECT_NEAR(log[i]["lr"].get<double>(), (1 - begun) * options.schedule.learning_rate,
                0.2 * options.schedule.learning_rate);
  }
}

TEST(Trainer, ChoosesItsRowsBySplit) {
  const TemporaryFolder folder;
  const std::string data = make_tiny_dataset(folder / "data", 6, "train");
  std::vector<Row> rows = read_metadata_strict(data);
  rows[2].split = "val";
  rows[4].split = "test";
  write_metadata(data, rows);
  const TrainingData found = open_training_data(data, folder.path(), 16, 8);
  EXPECT_EQ(found.train, (std::vector<std::int64_t>{0, 1, 3, 5}));
  EXPECT_EQ(found.shown, (std::vector<std::int64_t>{2}));
  EXPECT_EQ(found.texts().size(), 4u);
  for (Row& row : rows) row.split = "test";
  fs::create_directories(folder / "other");
  EXPECT_NE(fault_of(tiny_options(make_tiny_dataset(folder / "tests", 3, "test"), folder / "run")).find("'train'"),
            std::string::npos);
}

TEST(Trainer, OwnsThePacksItMadeAlone) {
  const TemporaryFolder folder;
  TrainOptions options = tiny_options(make_tiny_dataset(folder / "data", 6), folder / "run");
  Trainer{options};
  const std::string own = read_file(folder / "run/data.pack");
  // As a resumption that was refused leaves it, because the dataset has changed.
  fs::copy_file(folder / "run/data.pack", folder / "run/data.pack.new");
  write_file(folder / "run/data.source.new", "another");
  TrainOptions other = tiny_options((folder / "run/data.pack.new").string(), folder / "other");
  other.size.reset();
  Trainer{other};
  EXPECT_TRUE(fs::exists(folder / "run/data.pack.new"));
  EXPECT_EQ(read_file(folder / "run/data.pack"), own);
  other.out = folder / "larger";
  other.size = 32;
  EXPECT_NE(fault_of(other).find("its images are 16 pixels high, expected --size 32"), std::string::npos)
      << fault_of(other);
}

TEST(Trainer, KeepsAConfigurationThatIsNotItsOwn) {
  const TemporaryFolder folder;
  const TrainOptions options = tiny_options(make_tiny_dataset(folder / "data", 6), folder / "run");
  fs::create_directories(folder / "run");
  write_file(folder / "run/config.toml", "# mine\nsteps = 8\n");
  testing::internal::CaptureStderr();
  Trainer{options};
  EXPECT_NE(testing::internal::GetCapturedStderr().find("config.toml.old"), std::string::npos);
  EXPECT_EQ(read_file(folder / "run/config.toml.old"), "# mine\nsteps = 8\n");
  Trainer{options};  // the same again
  EXPECT_EQ(read_file(folder / "run/config.toml.old"), "# mine\nsteps = 8\n");
}

TEST(Trainer, WarnsOfTextsThatAreCut) {
  const TemporaryFolder folder;
  TrainOptions options = tiny_options(make_tiny_dataset(folder / "data", 6), folder / "run");
  options.model.text.vocabulary = 514;  // hardly a merge: a token a letter
  options.model.text.context = 8;
  testing::internal::CaptureStderr();
  Trainer{options};
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("2 of 2 training texts have more than 8 tokens (model.text.context) and are cut"),
            std::string::npos)
      << said;
}

TEST(Trainer, SaysWhyItCannotResume) {
  const TemporaryFolder folder;
  const std::string data = make_tiny_dataset(folder / "data", 6);
  TrainOptions options = tiny_options(data, folder / "run");
  options.steps = 2;
  Trainer(options).run();
  EXPECT_NE(fault_of(options).find("--resume latest"), std::string::npos);
  options.resume = "latest";
  EXPECT_EQ(fault_of(options), "");

  TrainOptions other = options;
  other.model.decoder.widths = {32, 64};
  EXPECT_NE(fault_of(other).find("another architecture: its model/decoder/widths/1 is 48"), std::string::npos)
      << fault_of(other);
  other = options;
  other.batch_size = 5;
  EXPECT_NE(fault_of(other).find("batch size 4"), std::string::npos);
  other = options;
  other.gan.discriminator.prompt_widths.pop_back();
  EXPECT_NE(fault_of(other).find("gan/discriminator/prompt_widths"), std::string::npos) << fault_of(other);
  other = options;
  other.data = make_tiny_dataset(folder / "more", 7);
  EXPECT_NE(fault_of(other).find("checksum"), std::string::npos);
  other = options;
  other.out = folder / "fresh";
  other.resume = folder / "run/model.safetensors";
  EXPECT_NE(fault_of(other).find("not a training checkpoint"), std::string::npos);
  other.resume = folder / "nowhere.safetensors";
  EXPECT_NE(fault_of(other).find("nowhere.safetensors"), std::string::npos);
}

TEST(TrainerSlow, OverfitsFourPairs) {
  const TemporaryFolder folder;
  TrainOptions options = tiny_options(make_tiny_dataset(folder / "data", 4), folder / "run");
  options.steps = 1500;
  options.batch_size = 16;
  options.schedule.learning_rate = 3e-3;
  options.save_every = 0;
  options.loss.drop_text = options.loss.drop_both = 0;
  options.model.sampling.steps = 8;
  Trainer trainer(options);
  const double first = trainer.step();
  trainer.run();
  double loss = 0;
  const std::vector<nlohmann::json> log = read_log(folder / "run");
  for (std::size_t i = log.size() - 50; i < log.size(); ++i) loss += log[i]["loss"].get<double>() / 50;
  EXPECT_LT(loss, 0.01 * first);

  Generator model = load_model(folder / "run");
  const Batch pairs = trainer.data().pack.batch({0, 1, 2, 3});
  std::vector<Request> requests;
  for (std::int64_t i = 0; i < 4; ++i)
    requests.push_back(
        {pairs.ids[static_cast<std::size_t>(i)], pairs.texts[static_cast<std::size_t>(i)], pairs.prompt[i], 1, 0});
  const Tensor images = model->sample(requests, model->options.sampling);
  EXPECT_LT((images - pairs.target).abs().mean().item<double>(), 0.06);
}

}  // namespace
}  // namespace cigli
