#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace cigli {

struct Outcome {
  int code = 0;  // exit code, or 128 + the signal that ended it
  std::string out, err;
};

// Runs the executable with these words and waits; `input` is its stdin. Its main() runs in a fork of a process that has
// loaded the executable before (tests/fork_server.cpp).
Outcome cigli(const std::vector<std::string>& words, const std::string& input = "");
// A process of its own through `bash -c`, for redirections and signals; `$cigli` is the executable.
Outcome shell(const std::string& command);

// What all tests of the program share, made once by the executable itself: a synthetic dataset of 20 pairs (16 train, 2
// val, 2 test), its pack and a tiny model trained on it for two steps.
struct Fixture {
  std::filesystem::path folder, data, pack, run, model;
  std::vector<nlohmann::json> rows;
  std::filesystem::path prompt(std::size_t row) const;
};
const Fixture& fixture();

// A new folder inside the fixture's.
std::filesystem::path scratch(const std::string& name);

void write_text(const std::filesystem::path& file, const std::string& text);
std::string read_text(const std::filesystem::path& file);
std::vector<nlohmann::json> read_lines(const std::filesystem::path& file);

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// Expects a failure with `code` whose stderr holds exactly one complaint, which has all of `parts` in it.
void expect_complaint(const Outcome& outcome, int code, const std::vector<std::string>& parts);

}  // namespace cigli
