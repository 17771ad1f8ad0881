#include "tests/tools/command.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
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

int exit_code(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

// Through files, so that nothing can block on a full pipe.
struct Streams {
  fs::path in = top() / "stdin", out = top() / "stdout", err = top() / "stderr";
  explicit Streams(const std::string& input) { write_text(in, input); }
  Outcome after(int status) const { return {exit_code(status), read_text(out), read_text(err)}; }
};

// The program, loaded once and waiting to fork (tests/fork_server.cpp).
class Program {
 public:
  Program() {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) != 0) throw std::runtime_error("socketpair failed");
    child_ = fork();
    if (child_ == 0) {
      close(ends[0]);
      setenv("CIGLI_FORK_SERVER", std::to_string(ends[1]).c_str(), 1);
      setenv("LD_PRELOAD", CIGLI_FORK_SERVER_LIBRARY, 1);
      execl(CIGLI_BINARY, CIGLI_BINARY, nullptr);
      _exit(127);
    }
    close(ends[1]);
    socket_ = ends[0];
  }
  ~Program() {
    close(socket_);
    waitpid(child_, nullptr, 0);
  }

  Outcome run(const std::vector<std::string>& words, const std::string& input) {
    const Streams streams(input);
    std::string message;
    const auto add = [&](const std::string& part) { message.append(part).push_back('\0'); };
    for (const fs::path& file : {streams.in, streams.out, streams.err}) add(file);
    add(std::to_string(words.size()));
    for (const std::string& word : words) add(word);
    for (char** entry = environ; *entry != nullptr; ++entry) add(*entry);
    int status = 0;
    if (send(socket_, message.data(), message.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(message.size()) ||
        recv(socket_, &status, sizeof status, 0) != sizeof status)
      throw std::runtime_error(CIGLI_BINARY " doesn't answer through " CIGLI_FORK_SERVER_LIBRARY);
    return streams.after(status);
  }

 private:
  pid_t child_ = 0;
  int socket_ = -1;
};

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
  static Program program;
  return program.run(words, input);
}

Outcome shell(const std::string& command) {
  const Streams streams("");
  const pid_t child = fork();
  if (child == 0) {
    const bool ready = freopen(streams.in.c_str(), "r", stdin) && freopen(streams.out.c_str(), "w", stdout) &&
                       freopen(streams.err.c_str(), "w", stderr);
    if (ready) execl("/bin/bash", "bash", "-c", ("cigli='" CIGLI_BINARY "'; " + command).c_str(), nullptr);
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return streams.after(status);
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
