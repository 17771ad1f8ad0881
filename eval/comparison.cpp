#include "eval/comparison.h"

#include <algorithm>
#include <sstream>

#include "dataset/json_line.h"
#include "runtime/error.h"
#include "runtime/files.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;

std::optional<bool> flag(const nlohmann::ordered_json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) return std::nullopt;
  if (!found->is_boolean()) throw Error(std::string("\"") + key + "\" is neither true nor false");
  return found->get<bool>();
}

std::vector<RowScore> read_rows(const fs::path& file) {
  std::istringstream lines(read_file(file));
  std::vector<RowScore> rows;
  std::int64_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    try {
      const nlohmann::ordered_json object = parse_json_line(line);
      const std::optional<bool> holds = flag(object, "holds");
      if (!holds) throw Error("\"holds\" is missing");
      const std::string id = string_member(object, "id");
      rows.push_back({id, string_member(object, "family"), *holds ? 1.0 : 0.0, flag(object, "seen"),
                      flag(object, "paraphrase_seen"), "",
                      object.contains("cluster") ? string_member(object, "cluster") : id});
    } catch (const Error& error) {
      throw Error(file.string() + ":" + std::to_string(number) + ": " + error.what());
    }
  }
  if (rows.empty()) throw Error(file.string() + ": no rows");
  const auto earlier = [](const RowScore& a, const RowScore& b) { return a.id < b.id; };
  std::stable_sort(rows.begin(), rows.end(), earlier);
  const auto equal = [](const RowScore& a, const RowScore& b) { return a.id == b.id; };
  const auto twice = std::adjacent_find(rows.begin(), rows.end(), equal);
  if (twice != rows.end()) throw Error(file.string() + ": two rows are called \"" + twice->id + "\"");
  return rows;
}

void check_same_rows(const std::vector<RowScore>& a, const std::vector<RowScore>& b, const std::string& where) {
  for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i)
    if (i >= a.size() || i >= b.size() || a[i].id != b[i].id)
      throw Error(where + ": scores other rows, as \"" +
                  (i >= a.size() || (i < b.size() && b[i].id < a[i].id) ? b[i].id : a[i].id) +
                  "\"; expected the same ones");
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a[i].family != b[i].family || a[i].seen != b[i].seen || a[i].paraphrase_seen != b[i].paraphrase_seen)
      throw Error(where + ": its row \"" + b[i].id + "\" is another one, of another family or seen otherwise; " +
                  "expected scores of the same dataset");
}

}  // namespace

std::vector<RowScore> read_row_scores(const std::vector<fs::path>& files) {
  if (files.empty()) throw Error("no files of row scores");
  std::vector<RowScore> rows = read_rows(files[0]);
  for (std::size_t f = 1; f < files.size(); ++f) {
    const std::vector<RowScore> more = read_rows(files[f]);
    check_same_rows(rows, more, files[f].string());
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i].value += more[i].value;
  }
  for (RowScore& row : rows) row.value /= static_cast<double>(files.size());
  return rows;
}

GroupedScores paired_difference(const std::vector<RowScore>& a, const std::vector<RowScore>& b,
                                const BootstrapOptions& bootstrap) {
  check_same_rows(a, b, "the second group");
  std::vector<RowScore> differences = a;
  for (std::size_t i = 0; i < a.size(); ++i) differences[i].value -= b[i].value;
  return group_scores(differences, bootstrap, difference_interval);
}

}  // namespace cigli
