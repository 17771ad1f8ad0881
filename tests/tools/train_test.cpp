#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "runtime/files.h"
#include "tests/tools/command.h"
#include "tests/training/tiny_dataset.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

// `cigli train` as a child process whose stderr goes to a file.
class Training {
 public:
  Training(const Words& words, std::string errors, std::uint64_t largest_file) : errors_(std::move(errors)) {
    Words all{CIGLI_BINARY, "train"};
    all.insert(all.end(), words.begin(), words.end());
    pid_ = fork();
    if (pid_ == 0) {
      const int file = open(errors_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
      dup2(file, 2);
      if (largest_file > 0) {
        ::signal(SIGXFSZ, SIG_IGN);
        const rlimit limit{largest_file, largest_file};
        setrlimit(RLIMIT_FSIZE, &limit);
      }
      std::vector<char*> arguments;
      for (std::string& word : all) arguments.push_back(word.data());
      arguments.push_back(nullptr);
      execv(arguments[0], arguments.data());
      _exit(127);
    }
  }
  void signal(int number) const { kill(pid_, number); }
  // Exit code, or 128 + the signal that ended it.
  int wait() const {
    int status = 0;
    waitpid(pid_, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  std::string errors() const { return read_file(errors_); }

 private:
  std::string errors_;
  pid_t pid_;
};

class Train : public testing::Test {
 protected:
  Train() : data_(make_tiny_dataset(folder_ / "data", 10)) {}

  // A tiny model on the tiny data.
  Words words(const std::string& run, const Words& more = {}) const {
    Words all{"--data",
              data_,
              "--out",
              folder_ / run,
              "--size",
              "16",
              "--batch-size",
              "4",
              "--save-every",
              "2",
              "--threads",
              "1",
              "--keep-last",
              "3",
              "--log-every",
              "5",
              "--sample-every",
              "0",
              "--model.text.vocabulary",
              "530",
              "--model.text.layers",
              "1",
              "--model.text.width",
              "32",
              "--model.image.widths",
              "16,32",
              "--model.fusion.width",
              "32",
              "--model.fusion.layers",
              "1",
              "--model.decoder.widths",
              "32,48",
              "--model.decoder.blocks",
              "1,1"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  // `largest_file` bytes stand for the room that a full disk leaves; 0: any.
  Training start(const std::string& run, const Words& more, std::uint64_t largest_file = 0) const {
    return {words(run, more), folder_ / "errors", largest_file};
  }
  // The last line on stderr, where the error is.
  static std::string last_line(const Training& training) {
    std::string text = training.errors();
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text.substr(text.find_last_of("\n\r") + 1);
  }
  // The newest checkpoint's path, "" before the first.
  std::string newest_checkpoint(const std::string& run) const {
    std::string newest;
    std::error_code none_yet;
    for (const auto& entry : fs::directory_iterator(folder_ / (run + "/checkpoints"), none_yet))
      if (entry.path().filename().string().rfind("step-", 0) == 0) newest = std::max(newest, entry.path().string());
    return newest;
  }
  // Until there is a newer one than `before`.
  void wait_for_checkpoint(const std::string& run, const std::string& before = "") const {
    for (int i = 0; i < 30000 && newest_checkpoint(run) == before; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    ASSERT_NE(newest_checkpoint(run), before) << "no checkpoint after a minute";
  }
  Words log_lines(const std::string& run) const {
    std::istringstream file(read_file(folder_ / (run + "/log.jsonl")));
    Words lines;
    for (std::string line; std::getline(file, line);) {
      nlohmann::json record = nlohmann::json::parse(line);
      record.erase("elapsed");
      record.erase("images_per_second");
      lines.push_back(record.dump());
    }
    return lines;
  }

  TemporaryFolder folder_;
  std::string data_;
};

using TrainSlow = Train;

TEST_F(Train, WritesAModelAndALog) {
  const Training training = start("run", {"--steps", "6"});
  EXPECT_EQ(training.wait(), 0) << training.errors();
  EXPECT_TRUE(fs::exists(folder_ / "run/model.safetensors"));
  EXPECT_TRUE(fs::exists(folder_ / "run/config.toml"));
  EXPECT_EQ(log_lines("run").size(), 2u);
}

TEST_F(Train, StopsAtANonFiniteLoss) {
  const Training training = start("run", {"--steps", "50", "--learning-rate", "1e30", "--warmup", "0"});
  EXPECT_EQ(training.wait(), 1);
  EXPECT_TRUE(contains(last_line(training), "expected a finite number")) << training.errors();
  EXPECT_FALSE(fs::exists(folder_ / "run/model.safetensors"));
}

TEST_F(Train, SaysWhatIsWrongWithItsInput) {
  struct Case {
    Words words;
    std::string part;
    int code;
  };
  const std::string empty = folder_ / "empty.pack";
  write_file(empty, "");
  const std::vector<Case> cases{
      {{"--learning-rte", "1"}, "learning-rate", 2},
      {{"--precision", "int4"}, "int4", 2},
      {{"--data", folder_ / "absent"}, "absent", 1},
      {{"--data", empty}, "empty.pack", 1},
      {{"--resume", folder_ / "absent.safetensors"}, "absent.safetensors", 1},
      {{"--out", "/proc/run"}, "/proc/run", 1},
  };
  for (const Case& c : cases) {
    const Training training = start("run", c.words);
    EXPECT_EQ(training.wait(), c.code) << training.errors();
    EXPECT_TRUE(contains(last_line(training), c.part)) << training.errors();
  }
}

// A run folder that a training died in before its first checkpoint holds the pack of that training's data.
TEST_F(Train, PacksAnewWhenTheDataIsAnother) {
  const std::string other = make_tiny_dataset(folder_ / "other", 6);
  const auto pack = [&] { return read_file(folder_ / "run/data.pack"); };
  ASSERT_EQ(start("run", {"--learning-rate", "1e30", "--warmup", "0", "--steps", "50"}).wait(), 1);
  const std::string first = pack();
  ASSERT_EQ(start("run", {"--data", other, "--steps", "2"}).wait(), 0);
  const std::string second = pack();
  EXPECT_NE(first, second);
  // What can't be gone on with leaves the run as it was.
  const Training refused = start("run", {"--steps", "4", "--resume", "latest"});
  EXPECT_EQ(refused.wait(), 1);
  EXPECT_TRUE(contains(last_line(refused), "data of checksum")) << refused.errors();
  EXPECT_TRUE(pack() == second);
  EXPECT_EQ(start("run", {"--data", other, "--steps", "4", "--resume", "latest"}).wait(), 0);
  EXPECT_TRUE(pack() == second);
  for (const auto& entry : fs::directory_iterator(folder_ / "run"))
    EXPECT_NE(entry.path().extension(), ".new") << entry.path();
}

TEST_F(Train, PacksAnewWhenAnImageHasChanged) {
  ASSERT_EQ(start("one", {"--steps", "2"}).wait(), 0);
  fs::remove(folder_ / "one/model.safetensors");
  fs::remove_all(folder_ / "one/checkpoints");
  const std::string before = read_file(folder_ / "one/data.pack");
  fs::copy_file(data_ + "/t1.png", data_ + "/t0.png", fs::copy_options::overwrite_existing);
  ASSERT_EQ(start("one", {"--steps", "2"}).wait(), 0);
  EXPECT_NE(read_file(folder_ / "one/data.pack"), before);
}

TEST_F(Train, RefusesAPackThatHasChanged) {
  ASSERT_EQ(start("run", {"--steps", "2"}).wait(), 0);
  std::string bytes = read_file(folder_ / "run/data.pack");
  bytes[bytes.size() / 2] ^= 1;
  const std::string pack = folder_ / "damaged.pack";
  write_file(pack, bytes);
  const Training training = start("other", {"--data", pack, "--steps", "2"});
  EXPECT_EQ(training.wait(), 1);
  EXPECT_TRUE(contains(last_line(training), "damaged.pack")) << training.errors();
}

TEST_F(Train, AnotherRunsCheckpointDoesNotReplaceATraining) {
  ASSERT_EQ(start("a", {"--steps", "2"}).wait(), 0);
  ASSERT_EQ(start("b", {"--steps", "4", "--seed", "1"}).wait(), 0);
  const std::string checkpoint = folder_ / "a/checkpoints/step-00000002.safetensors";
  const std::string model = read_file(folder_ / "b/model.safetensors"), newest = newest_checkpoint("b");
  const Training training = start("b", {"--steps", "6", "--resume", checkpoint});
  EXPECT_EQ(training.wait(), 1);
  EXPECT_TRUE(contains(last_line(training), "holds a training already")) << training.errors();
  EXPECT_TRUE(read_file(folder_ / "b/model.safetensors") == model);
  EXPECT_EQ(newest_checkpoint("b"), newest);
  EXPECT_EQ(start("c", {"--steps", "4", "--resume", checkpoint}).wait(), 0);
}

TEST_F(TrainSlow, KilledAtRandomAndResumedEqualsUninterrupted) {
  const Words steps{"--steps", "120", "--threads", "2"};
  const Training whole = start("whole", steps);
  ASSERT_EQ(whole.wait(), 0) << whole.errors();

  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const Words resume{"--steps", "120", "--threads", "2", "--resume", "latest"};
  for (int kills = 0; kills < 4; ++kills) {
    const std::string before = newest_checkpoint("parts");
    const Training killed = start("parts", resume);
    wait_for_checkpoint("parts", before);
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 100000));  // some steps further, or amid a write
    killed.signal(SIGKILL);
    ASSERT_EQ(killed.wait(), 128 + SIGKILL) << "ended before it could be killed: " << killed.errors();
  }
  const Training last = start("parts", resume);
  ASSERT_EQ(last.wait(), 0) << last.errors();
  EXPECT_TRUE(contains(last.errors(), "going on after step")) << last.errors();
  EXPECT_TRUE(read_file(folder_ / "whole/model.safetensors") == read_file(folder_ / "parts/model.safetensors"));
  EXPECT_EQ(log_lines("whole"), log_lines("parts"));
  for (const auto& entry : fs::recursive_directory_iterator(folder_ / "parts"))
    EXPECT_FALSE(contains(entry.path().filename().string(), ".cigli-")) << entry.path();
}

TEST_F(TrainSlow, WithMuonAResumedTrainingIsTheSame) {
  ASSERT_EQ(start("whole", {"--steps", "12", "--optimizer", "muon"}).wait(), 0);
  ASSERT_EQ(start("parts", {"--steps", "12", "--optimizer", "muon", "--resume", "latest"}).wait(), 0);
  for (const char* later : {"08", "10", "12"})
    fs::remove(folder_ / ("parts/checkpoints/step-000000" + std::string(later) + ".safetensors"));
  fs::copy_file(folder_ / "whole/checkpoints/step-00000008.safetensors",
                folder_ / "parts/checkpoints/step-00000008.safetensors");
  fs::remove(folder_ / "parts/model.safetensors");
  const Training resumed = start("parts", {"--steps", "12", "--optimizer", "muon", "--resume", "latest"});
  ASSERT_EQ(resumed.wait(), 0) << resumed.errors();
  EXPECT_TRUE(contains(resumed.errors(), "going on after step 8")) << resumed.errors();
  EXPECT_TRUE(read_file(folder_ / "whole/model.safetensors") == read_file(folder_ / "parts/model.safetensors"));
}

TEST_F(TrainSlow, ASignalSavesAndResumeGoesOn) {
  const Words steps{"--steps", "400"};
  ASSERT_EQ(start("whole", steps).wait(), 0);
  for (const int number : {SIGINT, SIGTERM}) {
    const std::string run = "run" + std::to_string(number);
    const Training training = start(run, steps);
    wait_for_checkpoint(run);
    training.signal(number);
    EXPECT_EQ(training.wait(), 128 + number) << training.errors();
    EXPECT_TRUE(contains(training.errors(), "interrupted after step")) << training.errors();
    EXPECT_TRUE(fs::exists(folder_ / (run + "/model.safetensors")));
    const Training resumed = start(run, {"--steps", "400", "--resume", "latest"});
    EXPECT_EQ(resumed.wait(), 0) << resumed.errors();
    EXPECT_TRUE(contains(resumed.errors(), "going on after step")) << resumed.errors();
    EXPECT_TRUE(read_file(folder_ / "whole/model.safetensors") == read_file(folder_ / (run + "/model.safetensors")));
  }
}

TEST_F(TrainSlow, GoesOnFromAnOlderCheckpointAndForgetsTheLaterOnes) {
  ASSERT_EQ(start("run", {"--steps", "6"}).wait(), 0);
  const Words older{"--steps", "5", "--resume", folder_ / "run/checkpoints/step-00000002.safetensors"};
  const Training training = start("run", older);
  EXPECT_EQ(training.wait(), 0) << training.errors();
  EXPECT_TRUE(contains(newest_checkpoint("run"), "step-00000005")) << newest_checkpoint("run");
}

TEST_F(TrainSlow, AnOptionThatChangesTheStepsCannotChangeOnTheWay) {
  ASSERT_EQ(start("run", {"--steps", "4"}).wait(), 0);
  const Training training = start("run", {"--steps", "8", "--resume", "latest", "--learning-rate", "0.5"});
  EXPECT_EQ(training.wait(), 1);
  EXPECT_TRUE(contains(last_line(training), "learning_rate 0.001, this one has 0.5")) << training.errors();
}

// Ends with one line, keeps the good checkpoint, and goes on where there is room again.
TEST_F(TrainSlow, AFullDiskLosesNothing) {
  ASSERT_EQ(start("run", {"--steps", "4"}).wait(), 0);
  const std::string before = newest_checkpoint("run"), content = read_file(before);
  const Training full = start("run", {"--steps", "40", "--resume", "latest"}, content.size() / 2);
  EXPECT_EQ(full.wait(), 1) << full.errors();
  EXPECT_TRUE(contains(last_line(full), "checkpoints/step-")) << full.errors();
  EXPECT_EQ(newest_checkpoint("run"), before);
  EXPECT_TRUE(read_file(before) == content);
  for (const auto& entry : fs::recursive_directory_iterator(folder_ / "run"))
    EXPECT_FALSE(contains(entry.path().filename().string(), ".cigli-")) << entry.path();
  EXPECT_EQ(start("run", {"--steps", "8", "--resume", "latest"}).wait(), 0);
}

TEST_F(TrainSlow, ADamagedCheckpointIsPassedOver) {
  ASSERT_EQ(start("run", {"--steps", "6"}).wait(), 0);
  const fs::path newest = folder_ / "run/checkpoints/step-00000006.safetensors";
  fs::resize_file(newest, fs::file_size(newest) / 2);
  const Training training = start("run", {"--steps", "8", "--resume", "latest"});
  EXPECT_EQ(training.wait(), 0);
  EXPECT_TRUE(contains(training.errors(), "step-00000006.safetensors")) << training.errors();
  EXPECT_TRUE(contains(training.errors(), "going on after step 4")) << training.errors();
}

}  // namespace
}  // namespace cigli
