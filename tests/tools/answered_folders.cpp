#include "tests/tools/answered_folders.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <sstream>

namespace cigli {
namespace fs = std::filesystem;
using Json = nlohmann::json;
using Words = std::vector<std::string>;

namespace {

AnsweredFolders make_answers() {
  AnsweredFolders made;
  made.data = scratch("answers") / "data";
  EXPECT_EQ(cigli({"data", "synth", "--out", made.data, "--count", std::to_string(kAnswers), "--seed", "7", "--split",
                   "test", "--size", "32"})
                .code,
            0);
  made.rows = read_lines(made.data / "metadata.jsonl");
  made.targets = scratch("targets");
  for (const Json& row : made.rows)
    fs::copy_file(made.data / row["target_file_name"].get<std::string>(),
                  made.targets / (row["id"].get<std::string>() + ".png"));
  for (const auto& [kind, folder] : {std::pair{"copy", &made.copies}, {"swapped-target", &made.others}}) {
    *folder = scratch(kind);
    EXPECT_EQ(cigli({"control", "--kind", kind, "--data", made.data, "--out", *folder, "--size", "32"}).code, 0);
  }
  return made;
}

WholeScores make_scores() {
  const auto of = [](const fs::path& generated) {
    return scores({"--generated", generated, "--data", answers().data});
  };
  return {of(answers().targets), of(answers().copies), of(answers().others),
          scores({"--generated", answers().copies, "--data", answers().targets, "--features", "dataset"})};
}

}  // namespace

const AnsweredFolders& answers() {
  static const AnsweredFolders made = make_answers();
  return made;
}

Outcome evaluate(Words words) {
  words.insert(words.begin(), "evaluate");
  words.insert(words.end(), {"--resamples", "300"});
  return cigli(words);
}

Json scores(Words words, int code) {
  words.push_back("--json");
  const Outcome outcome = evaluate(words);
  EXPECT_EQ(outcome.code, code) << outcome.err;
  return Json::parse(outcome.out, nullptr, false);
}

Json scores_by(const std::string& metrics, const fs::path& generated, const Words& more, int code) {
  Words words{"--generated", generated, "--data", answers().data, "--metrics", metrics};
  words.insert(words.end(), more.begin(), more.end());
  return scores(words, code);
}

const WholeScores& whole() {
  static const WholeScores made = make_scores();
  return made;
}

double value(const Json& scores, const char* metric) { return scores[metric]["value"].get<double>(); }

Words keys(const Json& object) {
  Words found;
  for (const auto& [key, member] : object.items()) found.push_back(key);
  return found;
}

fs::path copy_of(const fs::path& folder) {
  const fs::path copy = scratch("changed");
  fs::copy(folder, copy, fs::copy_options::recursive);
  return copy;
}

void damage(const fs::path& image) { write_text(image, read_text(image).substr(0, 80)); }

void expect_warning(const Outcome& outcome, const Words& parts) {
  std::istringstream in(outcome.err);
  for (std::string line; std::getline(in, line);) {
    bool all = line.rfind("cigli: warning: ", 0) == 0;
    for (const std::string& part : parts) all = all && line.find(part) != line.npos;
    if (all) return;
  }
  ADD_FAILURE() << outcome.err << " lacks a warning of " << parts[0];
}

Environment::Environment(const char* name, const std::string& value) : name_(name) {
  if (const char* const before = getenv(name)) before_ = before;
  setenv(name, value.c_str(), 1);
}

Environment::~Environment() { before_.empty() ? unsetenv(name_) : setenv(name_, before_.c_str(), 1); }

}  // namespace cigli
