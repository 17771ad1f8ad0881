#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "eval/interval.h"

namespace cigli {

// Mean over rows, with a bootstrap interval over their clusters; accuracy and interval mean nothing when n is 0.
struct Score {
  double accuracy = 0;
  std::int64_t n = 0;
  Interval interval;
  std::int64_t clusters = 0;  // n where each row stands alone
};
// How an interval comes from a score's values: share_interval, difference_interval or bootstrap_mean.
using IntervalOf = Interval (*)(const std::vector<double>&, const Clusters&, const BootstrapOptions&);
// Of the rows whose value is finite.
Score score_of(const std::vector<double>& values, const Clusters& clusters = {}, const BootstrapOptions& bootstrap = {},
               IntervalOf interval_of = share_interval);
// {"accuracy", "n", "ci": [low, high]}, null where n is 0, and what add_clusters adds.
nlohmann::ordered_json to_json(const Score& score);
// "clusters", where they are fewer than the rows.
void add_clusters(const Score& score, nlohmann::ordered_json& json);

// What a row of a synthetic dataset scored.
struct RowScore {
  std::string id, family;
  double value = 0;                           // 1: holds, 0: does not; between: the mean of several trainings
  std::optional<bool> seen, paraphrase_seen;  // where the row says so
  std::string reason;                         // why it does not hold
  std::string cluster;                        // cluster_of (rows.h)
};

// The rows' mean, overall and by group.
struct GroupedScores {
  Score all, seen, unseen;                   // by (colour, shape, family) combination
  Score seen_paraphrase, unseen_paraphrase;  // by the sentence's wording
  std::map<std::string, Score> families;
};
GroupedScores group_scores(const std::vector<RowScore>& rows, const BootstrapOptions& bootstrap = {},
                           IntervalOf interval_of = share_interval);

// {"accuracy", "n", "ci": [low, high], "seen": {...}, "unseen": {...}, "paraphrases": {...}, "families": {...}};
// accuracy and ci are null where n is 0.
nlohmann::ordered_json to_json(const GroupedScores& scores);
// The same as lines of text, under a head line whose first column is `title`.
std::string to_table(const GroupedScores& scores, const std::string& title);

}  // namespace cigli
