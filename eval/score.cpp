#include "eval/score.h"

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

}  // namespace

Score score_of(const std::vector<double>& values, const BootstrapOptions& bootstrap, IntervalOf interval_of) {
  Score score;
  score.n = static_cast<std::int64_t>(values.size());
  if (values.empty()) return score;
  score.accuracy = std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  score.interval = interval_of(values, bootstrap);
  return score;
}

Json to_json(const Score& score) {
  Json json;
  json["accuracy"] = score.n > 0 ? Json(score.accuracy) : Json();
  json["n"] = score.n;
  json["ci"] = score.n > 0 ? Json{score.interval.low, score.interval.high} : Json();
  return json;
}

GroupedScores group_scores(const std::vector<RowScore>& rows, const BootstrapOptions& bootstrap,
                           IntervalOf interval_of) {
  std::vector<double> all, combination[2], paraphrase[2];
  std::map<std::string, std::vector<double>> families;
  for (const RowScore& row : rows) {
    all.push_back(row.value);
    families[row.family].push_back(row.value);
    if (row.seen) combination[*row.seen].push_back(row.value);
    if (row.paraphrase_seen) paraphrase[*row.paraphrase_seen].push_back(row.value);
  }
  const auto score = [&](const std::vector<double>& values) { return score_of(values, bootstrap, interval_of); };
  GroupedScores scores{score(all),           score(combination[1]), score(combination[0]),
                       score(paraphrase[1]), score(paraphrase[0]),  {}};
  for (const auto& [family, values] : families) scores.families[family] = score(values);
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
