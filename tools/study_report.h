#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "eval/study/scores.h"

namespace cigli {

// All that is known of a study's answers. `all` is of all raters, `passing` of those that the key's rules keep: nothing
// where they keep none. `exclude_failed` says which of the two is the result.
struct StudyReport {
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

// A line a comparison or system by question, with intervals and verdicts; then strengths, agreement and side bias.
std::string study_table(const StudyReport& report);

// scores.json.
nlohmann::ordered_json study_json(const StudyReport& report);

// Writes one HTML page without scripts or other files: results with intervals drawn, with and without the exclusions,
// agreement, raters, the items raters disagree on most with their images, and a reporting sheet. Images are those of
// the key's files; one that is gone or has changed since the export leaves a gap that says so. Throws Error where
// `file` can't be written.
void write_study_report(const std::filesystem::path& file, const StudyReport& report);

}  // namespace cigli
