#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/tools/command.h"

namespace cigli {

constexpr int kAnswers = 24;  // the jackknife takes 20

// A dataset and folders that answer all its rows, made once: its own targets, its prompts, other rows' targets.
struct AnsweredFolders {
  std::filesystem::path data, targets, copies, others;
  std::vector<nlohmann::json> rows;
  std::string id(std::size_t row) const { return rows[row]["id"]; }
};
const AnsweredFolders& answers();

// `evaluate` with these words, by few resamples.
Outcome evaluate(std::vector<std::string> words);
// Its scores; expects it to end with `code`.
nlohmann::json scores(std::vector<std::string> words, int code = 0);
// Of answers to the whole dataset, by these metrics alone.
nlohmann::json scores_by(const std::string& metrics, const std::filesystem::path& generated,
                         const std::vector<std::string>& more = {}, int code = 0);

// Of answers to the whole dataset, by all metrics; and of copies where the real images are a folder, not a dataset.
struct WholeScores {
  nlohmann::json targets, copies, others, copies_to_images;
};
const WholeScores& whole();

double value(const nlohmann::json& scores, const char* metric);
std::vector<std::string> keys(const nlohmann::json& object);

std::filesystem::path copy_of(const std::filesystem::path& folder);
void damage(const std::filesystem::path& image);

// Expects a warning that has all of `parts` in it.
void expect_warning(const Outcome& outcome, const std::vector<std::string>& parts);

// An environment variable that is back to what it was afterwards.
class Environment {
 public:
  Environment(const char* name, const std::string& value);
  ~Environment();

 private:
  const char* name_;
  std::string before_;
};

}  // namespace cigli
