#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "eval/study/scores.h"

namespace cigli {

// All that is known of a study's answers. `all` is of all raters, `passing` of those that the key's rules keep: nothing
// where they keep none. `exclude_failed` says which of the two is the result.
struct StudyResults {
  const StudyKey& key;
  const StudyResponses& responses;
  const std::vector<RaterRecord>& raters;
  const StudyScores& all;
  const std::optional<StudyScores>& passing;
  bool exclude_failed = false;

  const StudyScores& result() const { return exclude_failed ? *passing : all; }
  std::int64_t failed() const;                         // raters that the rules leave out
  std::vector<std::int64_t> unanswered_lists() const;  // by nobody, not even in part
};

// SHA-256 of the models that made a system's images, as far as these tell.
std::vector<std::string> models_of(const StudyKey& key, const std::string& system);

// A line a comparison or system by question, with intervals and verdicts; then strengths, agreement and side bias.
std::string study_table(const StudyResults& report);

// scores.json.
nlohmann::ordered_json study_json(const StudyResults& report);

}  // namespace cigli
