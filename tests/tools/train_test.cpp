#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
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
#include "tests/training/tiny_dataset.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

// `cigli train` as a child process whose stderr goes to a file.
class Training {
 public:
  Training(const Words& words, std::string errors) : errors_(std::move(errors)) {
    Words all{CIGLI_BINARY, "train"};
    all.insert(all.end(), words.begin(), words.end());
    pid_ = fork();
    if (pid_ == 0) {
      const int file = open(errors_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
      dup2(file, 2);
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
              "--model.image.width",
              "32",
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
  Training start(const std::string& run, const Words& more) const { return {words(run, more), folder_ / "errors"}; }
  // The last line on stderr, where the error is.
  static std::string last_line(const Training& training) {
    std::string text = training.errors();
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text.substr(text.find_last_of("\n\r") + 1);
  }
  static bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  }
  void wait_for_checkpoint(const std::string& run) const {
    const fs::path folder = folder_ / (run + "/checkpoints");
    for (int i = 0; i < 600; ++i) {
      if (fs::exists(folder) && !fs::is_empty(folder)) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    FAIL() << "no checkpoint after a minute";
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

TEST_F(TrainSlow, KilledAtRandomAndResumedEqualsUninterrupted) {
  const Words steps{"--steps", "60", "--threads", "2"};
  const Training whole = start("whole", steps);
  ASSERT_EQ(whole.wait(), 0) << whole.errors();

  std::mt19937 random(std::random_device{}());
  const Words resume{"--steps", "60", "--threads", "2", "--resume", "latest"};
  int kills = 0;
  for (; kills < 5; ++kills) {
    const Training killed = start("parts", resume);
    std::this_thread::sleep_for(std::chrono::milliseconds(500 + random() % 2500));
    killed.signal(SIGKILL);
    if (killed.wait() == 0) break;
  }
  const Training last = start("parts", resume);
  ASSERT_EQ(last.wait(), 0) << last.errors();
  EXPECT_TRUE(read_file(folder_ / "whole/model.safetensors") == read_file(folder_ / "parts/model.safetensors"))
      << "after " << kills << " kills";
  EXPECT_EQ(log_lines("whole"), log_lines("parts"));
}

TEST_F(TrainSlow, ASignalSavesAndResumeGoesOn) {
  for (const int number : {SIGINT, SIGTERM}) {
    const std::string run = "run" + std::to_string(number);
    const Training training = start(run, {"--steps", "1000000"});
    wait_for_checkpoint(run);
    training.signal(number);
    EXPECT_EQ(training.wait(), 0) << training.errors();
    EXPECT_TRUE(contains(training.errors(), "interrupted after step")) << training.errors();
    EXPECT_TRUE(fs::exists(folder_ / (run + "/model.safetensors")));
  }
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
