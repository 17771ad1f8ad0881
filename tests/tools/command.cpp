#include "tests/tools/command.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "tests/temporary_folder.h"

namespace cigli {
namespace fs = std::filesystem;

namespace {

const fs::path& top() {
  static const TemporaryFolder folder;
  return folder.path();
}

// Through files, so that nothing can block on a full pipe.
Outcome run(const std::vector<std::string>& words, const std::string& input) {
  const fs::path in = top() / "stdin", out = top() / "stdout", err = top() / "stderr";
  write_text(in, input);
  const pid_t child = fork();
  if (child == 0) {
    const bool ready =
        freopen(in.c_str(), "r", stdin) && freopen(out.c_str(), "w", stdout) && freopen(err.c_str(), "w", stderr);
    std::vector<char*> arguments;
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    if (ready) execv(arguments[0], arguments.data());
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), read_text(out), read_text(err)};
}

void require(const Outcome& outcome, const std::string& what) {
  if (outcome.code != 0) throw std::runtime_error(what + " failed: " + outcome.err);
}

Fixture make_fixture() {
  Fixture made;
  made.folder = top();
  made.data = top() / "data";
  made.pack = top() / "data.pack";
  made.run = top() / "run";
  made.model = made.run / "model.safetensors";
  require(cigli({"data", "synth", "--out", made.data, "--count", "20", "--seed", "5"}), "data synth");
  require(cigli({"data", "pack", "--data", made.data, "--out", made.pack, "--size", "32"}), "data pack");
  const std::string config = std::string(CIGLI_SOURCE_DIR) + "/configs/shapes-64-tiny.toml";
  require(cigli({"train", "--data", made.pack, "--out", made.run, "--config", config, "--steps", "2"}), "train");
  made.rows = read_lines(made.data / "metadata.jsonl");
  return made;
}

}  // namespace

Outcome cigli(const std::vector<std::string>& words, const std::string& input) {
  std::vector<std::string> all{CIGLI_BINARY};
  all.insert(all.end(), words.begin(), words.end());
  return run(all, input);
}

Outcome shell(const std::string& command) {
  return run({"/bin/bash", "-c", "cigli='" CIGLI_BINARY "'; " + command}, "");
}

fs::path Fixture::prompt(std::size_t row) const { return data / rows[row]["prompt_file_name"].get<std::string>(); }

const Fixture& fixture() {
  static const Fixture made = make_fixture();
  return made;
}

fs::path scratch(const std::string& name) {
  static int count = 0;
  const fs::path folder = top() / (name + "-" + std::to_string(count++));
  fs::create_directory(folder);
  return folder;
}

void write_text(const fs::path& file, const std::string& text) { std::ofstream(file, std::ios::binary) << text; }

std::string read_text(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<nlohmann::json> read_lines(const fs::path& file) {
  std::vector<nlohmann::json> lines;
  std::istringstream in(read_text(file));
  for (std::string line; std::getline(in, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

void expect_complaint(const Outcome& outcome, int code, const std::vector<std::string>& parts) {
  EXPECT_EQ(outcome.code, code) << outcome.err;
  std::istringstream in(outcome.err);
  std::vector<std::string> complaints;
  for (std::string line; std::getline(in, line);) {
    const auto begins = [&](const char* with) { return line.rfind(with, 0) == 0; };
    if (begins("cigli: ") && !begins("cigli: warning: "))
      complaints.push_back(line);
    else  // warnings and progress may stand before it
      EXPECT_TRUE(begins("cigli: warning: ") || begins("images ") || begins("packing ") || begins("pairs ") ||
                  begins("train") || begins("scorers' steps ") || begins("features") || begins("rows ") ||
                  begins("items "))
          << outcome.err;
  }
  ASSERT_EQ(complaints.size(), 1u) << outcome.err;
  for (const std::string& part : parts)
    EXPECT_NE(complaints[0].find(part), std::string::npos) << complaints[0] << " lacks " << part;
}

}  // namespace cigli
