#include "eval/consistency.h"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <numeric>

#include "dataset/image.h"
#include "dataset/metadata.h"
#include "dataset/parallel.h"
#include "dataset/shapes/checker.h"
#include "eval/rows.h"
#include "runtime/error.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

enum class State { scored, missing, damaged };

struct Judged {
  State state = State::scored;
  Verdict verdict;
};

std::string family_of(const Row& row, const std::string& where) {
  const auto program = row.object.find("program");
  if (program == row.object.end() || !program->is_object() || !program->contains("family") ||
      !program->at("family").is_string())
    throw Error(where + ": no program, expected a row of the synthetic world (cigli data synth)");
  return program->at("family").get<std::string>();
}

Judged judge(const Row& row, const fs::path& file, const std::string& where) {
  if (!fs::exists(file)) return {State::missing, {false, false, false, "no image"}};
  Image image;
  try {
    image = read_image(file);
  } catch (const Error& error) {
    return {State::damaged, {false, false, false, error.what()}};
  }
  try {
    return {State::scored, check_row(row.object, image)};
  } catch (const Error& error) {
    throw Error(where + ": " + error.what());
  }
}

Score score_of(const std::vector<double>& hits, const BootstrapOptions& bootstrap) {
  Score score;
  score.n = static_cast<std::int64_t>(hits.size());
  if (hits.empty()) return score;
  score.accuracy = std::accumulate(hits.begin(), hits.end(), 0.0) / static_cast<double>(hits.size());
  score.interval = share_interval(hits, bootstrap);
  return score;
}

// The row's flag, or -1 where it has none.
int flag(const Row& row, const char* key) {
  const auto found = row.object.find(key);
  return found == row.object.end() || !found->is_boolean() ? -1 : found->get<bool>() ? 1 : 0;
}

Json to_json(const Score& score) {
  Json json;
  json["accuracy"] = score.n > 0 ? Json(score.accuracy) : Json();
  json["n"] = score.n;
  json["ci"] = score.n > 0 ? Json{score.interval.low, score.interval.high} : Json();
  return json;
}

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

Consistency score_consistency(const fs::path& generated, const fs::path& data, const ConsistencyOptions& options) {
  if (!fs::is_directory(generated)) throw Error(generated.string() + ": no such folder, expected generated images");
  Consistency consistency;
  const std::vector<Row> rows = scorable_rows(data, options.split, consistency.faults);
  const std::string metadata = metadata_file(data).string();
  std::vector<Judged> judged(rows.size());
  std::vector<std::string> families(rows.size());
  for_each_parallel(static_cast<std::int64_t>(rows.size()), options.threads, [&](std::int64_t i) {
    const Row& row = rows[static_cast<std::size_t>(i)];
    const std::string where = metadata + ":" + std::to_string(row.line);
    families[static_cast<std::size_t>(i)] = family_of(row, where);
    judged[static_cast<std::size_t>(i)] = judge(row, generated / (row.id + ".png"), where);
  });

  std::vector<double> all, combination[2], paraphrase[2];
  std::map<std::string, std::vector<double>> by_family;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto& [state, verdict] = judged[i];
    if (state == State::missing) {
      consistency.missing.push_back(rows[i].id);
      if (options.present_only) continue;
    }
    if (state == State::damaged) consistency.damaged.push_back(verdict.reason);
    consistency.verdicts.push_back({rows[i].id, families[i], verdict.holds, verdict.reason});
    const double hit = verdict.holds ? 1 : 0;
    all.push_back(hit);
    by_family[families[i]].push_back(hit);
    if (const int seen = flag(rows[i], "seen"); seen >= 0) combination[seen].push_back(hit);
    if (const int seen = flag(rows[i], "paraphrase_seen"); seen >= 0) paraphrase[seen].push_back(hit);
  }
  if (consistency.missing.size() == rows.size())
    throw Error(generated.string() + ": none of the " + std::to_string(rows.size()) + " images is there, expected " +
                rows.front().id + ".png and so on");
  consistency.all = score_of(all, options.bootstrap);
  consistency.unseen = score_of(combination[0], options.bootstrap);
  consistency.seen = score_of(combination[1], options.bootstrap);
  consistency.unseen_paraphrase = score_of(paraphrase[0], options.bootstrap);
  consistency.seen_paraphrase = score_of(paraphrase[1], options.bootstrap);
  for (const auto& [family, hits] : by_family) consistency.families[family] = score_of(hits, options.bootstrap);
  return consistency;
}

Json to_json(const Consistency& consistency) {
  Json json = to_json(consistency.all);
  json["seen"] = to_json(consistency.seen);
  json["unseen"] = to_json(consistency.unseen);
  json["paraphrases"]["seen"] = to_json(consistency.seen_paraphrase);
  json["paraphrases"]["unseen"] = to_json(consistency.unseen_paraphrase);
  json["families"] = Json::object();
  for (const auto& [family, score] : consistency.families) json["families"][family] = to_json(score);
  json["missing"] = consistency.missing.size();
  json["damaged"] = consistency.damaged.size();
  json["unusable"] = consistency.faults.size();
  return json;
}

std::string to_table(const Consistency& consistency) {
  char head[160];
  std::snprintf(head, sizeof head, "%-28s %8s %18s %8s\n", "consistency", "accuracy", "95% interval", "rows");
  std::string table = head;
  table += table_line("all", consistency.all);
  table += table_line("seen combinations", consistency.seen);
  table += table_line("unseen combinations", consistency.unseen);
  table += table_line("seen paraphrases", consistency.seen_paraphrase);
  table += table_line("unseen paraphrases", consistency.unseen_paraphrase);
  for (const auto& [family, score] : consistency.families) table += table_line("family " + family, score);
  if (!consistency.missing.empty()) table += "images missing: " + std::to_string(consistency.missing.size()) + "\n";
  if (!consistency.damaged.empty()) table += "images damaged: " + std::to_string(consistency.damaged.size()) + "\n";
  return table;
}

}  // namespace cigli
