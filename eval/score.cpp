#include "eval/score.h"

#include <cmath>
#include <cstdio>
#include <numeric>

namespace cigli {
namespace {

using Json = nlohmann::ordered_json;

std::string table_line(const std::string& name, const Score& score) {
  char line[160];
  if (score.n == 0)
    std::snprintf(line, sizeof line, "%-28s %8s %18s %8d\n", name.c_str(), "-", "-", 0);
  else
    std::snprintf(line, sizeof line, "%-28s %7.1f%% %7.1f%% - %6.1f%% %8lld\n", name.c_str(), 100 * score.accuracy,
                  100 * score.interval.low, 100 * score.interval.high, static_cast<long long>(score.n));
  return line;
}

// What is needed of the rows of a group.
struct GroupValues {
  std::vector<double> values;
  Clusters clusters;
  void add(const RowScore& row) {
    values.push_back(row.value);
    clusters.push_back(row.cluster);
  }
};

}  // namespace

Score score_of(const std::vector<double>& values, const Clusters& clusters, const BootstrapOptions& bootstrap,
               IntervalOf interval_of) {
  std::vector<double> finite;
  Clusters of_finite;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) continue;
    finite.push_back(values[i]);
    if (!clusters.empty()) of_finite.push_back(clusters[i]);
  }
  Score score;
  score.n = static_cast<std::int64_t>(finite.size());
  if (finite.empty()) return score;
  score.accuracy = std::accumulate(finite.begin(), finite.end(), 0.0) / static_cast<double>(finite.size());
  score.interval = interval_of(finite, of_finite, bootstrap);
  score.clusters = static_cast<std::int64_t>(count_clusters(of_finite, finite.size()));
  return score;
}

Json to_json(const Score& score) {
  Json json;
  json["accuracy"] = score.n > 0 ? Json(score.accuracy) : Json();
  json["n"] = score.n;
  json["ci"] = score.n > 0 ? Json{score.interval.low, score.interval.high} : Json();
  add_clusters(score, json);
  return json;
}

void add_clusters(const Score& score, Json& json) {
  if (score.clusters < score.n) json["clusters"] = score.clusters;
}

GroupedScores group_scores(const std::vector<RowScore>& rows, const BootstrapOptions& bootstrap,
                           IntervalOf interval_of) {
  GroupValues all, combination[2], paraphrase[2];
  std::map<std::string, GroupValues> families;
  for (const RowScore& row : rows) {
    all.add(row);
    families[row.family].add(row);
    if (row.seen) combination[*row.seen].add(row);
    if (row.paraphrase_seen) paraphrase[*row.paraphrase_seen].add(row);
  }
  const auto score = [&](const GroupValues& group) {
    return score_of(group.values, group.clusters, bootstrap, interval_of);
  };
  GroupedScores scores{score(all),           score(combination[1]), score(combination[0]),
                       score(paraphrase[1]), score(paraphrase[0]),  {}};
  for (const auto& [family, group] : families) scores.families[family] = score(group);
  return scores;
}

Json to_json(const GroupedScores& scores) {
  Json json = to_json(scores.all);
  json["seen"] = to_json(scores.seen);
  json["unseen"] = to_json(scores.unseen);
  json["paraphrases"]["seen"] = to_json(scores.seen_paraphrase);
  json["paraphrases"]["unseen"] = to_json(scores.unseen_paraphrase);
  json["families"] = Json::object();
  for (const auto& [family, score] : scores.families) json["families"][family] = to_json(score);
  return json;
}

std::string to_table(const GroupedScores& scores, const std::string& title) {
  char head[160];
  std::snprintf(head, sizeof head, "%-28s %8s %18s %8s\n", title.c_str(), "accuracy", "95% interval", "rows");
  std::string table = head;
  table += table_line("all", scores.all);
  table += table_line("seen combinations", scores.seen);
  table += table_line("unseen combinations", scores.unseen);
  table += table_line("seen paraphrases", scores.seen_paraphrase);
  table += table_line("unseen paraphrases", scores.unseen_paraphrase);
  for (const auto& [family, score] : scores.families) table += table_line("family " + family, score);
  return table;
}

}  // namespace cigli
