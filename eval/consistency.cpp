#include "eval/consistency.h"

#include <algorithm>
#include <optional>

#include "dataset/image.h"
#include "dataset/metadata.h"
#include "dataset/parallel.h"
#include "dataset/shapes/checker.h"
#include "eval/generated.h"
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
  if (file.empty()) return {State::missing, {false, false, false, "no image"}};
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

// The row's flag, where it has one.
std::optional<bool> flag(const Row& row, const char* key) {
  const auto found = row.object.find(key);
  if (found == row.object.end() || !found->is_boolean()) return std::nullopt;
  return found->get<bool>();
}

}  // namespace

Consistency score_consistency(const fs::path& generated, const fs::path& data, const ConsistencyOptions& options) {
  if (!fs::is_directory(generated)) throw Error(generated.string() + ": no such folder, expected generated images");
  Consistency consistency;
  const std::vector<Row> rows = scorable_rows(data, options.split, consistency.faults);
  const std::string metadata = metadata_file(data).string();
  const Answers answers(generated);
  std::vector<Judged> judged(rows.size());
  std::vector<std::string> families(rows.size());
  for_each_parallel(static_cast<std::int64_t>(rows.size()), options.threads, [&](std::int64_t i) {
    const Row& row = rows[static_cast<std::size_t>(i)];
    const std::string where = metadata + ":" + std::to_string(row.line);
    families[static_cast<std::size_t>(i)] = family_of(row, where);
    judged[static_cast<std::size_t>(i)] = judge(row, answers.to(row.id), where);
  });

  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto& [state, verdict] = judged[i];
    if (state == State::missing) {
      consistency.missing.push_back(rows[i].id);
      if (options.present_only) continue;
    }
    if (state == State::damaged) consistency.damaged.push_back(verdict.reason);
    consistency.rows.push_back({rows[i].id, families[i], verdict.holds ? 1.0 : 0.0, flag(rows[i], "seen"),
                                flag(rows[i], "paraphrase_seen"), verdict.reason, cluster_of(rows[i])});
  }
  if (consistency.missing.size() == rows.size())
    throw Error(generated.string() + ": none of the " + std::to_string(rows.size()) + " images is there, expected " +
                rows.front().id + ".png and so on");
  consistency.scores = group_scores(consistency.rows, options.bootstrap);
  return consistency;
}

bool has_programs(const fs::path& data) {
  bool found = false;
  scan_metadata(
      data, [&](Row&& row) { found = found || row.object.contains("program"); }, [](RowFault&&) {});
  return found;
}

Json to_json(const Consistency& consistency) {
  Json json = to_json(consistency.scores);
  json["missing"] = consistency.missing.size();
  json["damaged"] = consistency.damaged.size();
  json["unusable"] = consistency.faults.size();
  return json;
}

std::string to_table(const Consistency& consistency) {
  std::string table = to_table(consistency.scores, "consistency");
  if (!consistency.missing.empty()) table += "images missing: " + std::to_string(consistency.missing.size()) + "\n";
  if (!consistency.damaged.empty()) table += "images damaged: " + std::to_string(consistency.damaged.size()) + "\n";
  return table;
}

}  // namespace cigli
