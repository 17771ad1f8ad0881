#include "dataset/check.h"

#include <algorithm>
#include <utility>

#include "dataset/hygiene.h"
#include "runtime/text.h"

namespace cigli {
namespace {

std::string fix_of_line(const std::string& reason) {
  const auto says = [&](const char* part) { return reason.find(part) != std::string::npos; };
  if (says("duplicate id")) return "give each row an id of its own";
  if (says("UTF-8")) return "save the file as UTF-8";
  if (says("malformed JSON")) return "write one complete JSON object a line, without a comma at its end";
  if (says("file_name")) return "name a file inside the dataset folder, relative to metadata.jsonl";
  return "a row needs the strings id, text, prompt_file_name and target_file_name";
}

std::string fix_of(Objection objection, const std::string& reason) {
  switch (objection) {
    case Objection::malformed:
      return fix_of_line(reason);
    case Objection::damaged:
      return "put a readable PNG, JPEG or BMP image there, or drop the row";
    case Objection::small:
      return "put a larger image there: training scales it up";
    case Objection::aspect:
      return "crop it: training fills what is left of its frame with one colour";
    case Objection::blank:
      return "drop the row: there is nothing to learn from";
    case Objection::caption:
      return "write a sentence that says what the target is, given the prompt";
    case Objection::unchanged:
      return "drop the row, unless copying is what it is to teach";
    case Objection::leak:
      return "keep pairs that share a picture in one split, or let data curate drop them";
    case Objection::duplicate:
      return "drop the row: training would count it twice";
    default:
      return "data curate drops such rows";
  }
}

Level level_of(Objection objection) {
  if (objection == Objection::malformed || objection == Objection::damaged) return Level::error;
  return objection == Objection::leak ? Level::leak : Level::warning;
}

const std::vector<std::string>& known_splits() {
  static const std::vector<std::string> all = {"train", "val", "test"};
  return all;
}

class Checker {
 public:
  void add(const Row* row, const Judgement& judgement) {
    if (row != nullptr) add(*row);
    const auto find = [&](Objection objection, const std::string& reason) {
      report_.findings.push_back(
          {level_of(objection), judgement.line, judgement.id, reason, fix_of(objection, reason)});
    };
    if (judgement.objection != Objection::none) find(judgement.objection, judgement.reason);
    for (const auto& [objection, reason] : judgement.notes) find(objection, reason);
  }

  CheckReport finish() {
    // What training does: rows without a split count where no row has one.
    const std::int64_t unsplit = report_.splits[""];
    report_.splits.erase("");
    const std::int64_t usable = report_.splits.empty() ? unsplit : report_.splits["train"];
    if (usable == 0)
      report_.findings.push_back({Level::error, 0, "", "no rows to train on",
                                  "put rows into the split \"train\", or leave \"split\" out of all rows"});
    if (unsplit > 0 && !report_.splits.empty())
      report_.findings.push_back({Level::warning, 0, "",
                                  std::to_string(unsplit) + " rows without a split beside others with one",
                                  "training leaves them out: give them a split"});
    for (const auto& [split, count] : report_.splits)
      if (nearest(split, known_splits()).empty())
        report_.findings.push_back({Level::warning, 0, "", std::to_string(count) + " rows of split \"" + split + "\"",
                                    "training knows train, val and test alone; other splits are read where --split "
                                    "names them"});
    if (unsplit > 0) report_.splits[""] = unsplit;
    if (report_.splits["train"] == 0) report_.splits.erase("train");
    std::stable_sort(report_.findings.begin(), report_.findings.end(),
                     [](const Finding& a, const Finding& b) { return a.line < b.line; });
    return std::move(report_);
  }

 private:
  void add(const Row& row) {
    ++report_.rows;
    ++report_.splits[row.split];
    const auto warn = [&](std::string message, std::string suggestion) {
      report_.findings.push_back({Level::warning, row.line, row.id, std::move(message), std::move(suggestion)});
    };
    if (!can_be_file_name(row.id))
      warn("the id can't be a file name", "use 1-200 letters, digits, - or _: results are written as <id>.png");
    const std::string meant = nearest(row.split, known_splits());
    if (!row.split.empty() && !meant.empty() && meant != row.split)
      warn("unusual split \"" + row.split + "\"", "did you mean \"" + meant + "\"?");
  }

  CheckReport report_;
};

}  // namespace

void CheckOptions::visit(Fields& f) {
  f("allow", allow, "leak: let splits share pictures", Choices{{"leak"}});
  f("workers", workers, "threads, 0: all cores", Range{0, 1024});
}

const std::string& name(Level level) {
  static const std::vector<std::string> all = {"error", "leak", "warning"};
  return all.at(static_cast<std::size_t>(level));
}

std::int64_t CheckReport::count(Level level) const {
  return std::count_if(findings.begin(), findings.end(),
                       [&](const Finding& finding) { return finding.level == level; });
}

CheckReport check_dataset(const std::filesystem::path& folder, const CheckOptions& options,
                          const std::function<void(std::int64_t)>& on_progress) {
  HygieneOptions hygiene_options;
  hygiene_options.workers = options.workers;
  // Only warned of: such rows train, so their pictures count where splits share them.
  hygiene_options.keep = {"small", "aspect", "blank", "caption", "unchanged"};
  hygiene_options.keep.insert(hygiene_options.keep.end(), options.allow.begin(), options.allow.end());
  Hygiene hygiene(folder, hygiene_options);
  hygiene.look(on_progress);
  Checker checker;
  hygiene.judge([&](const Row* row, const Judgement& judgement) { checker.add(row, judgement); });
  return checker.finish();
}

bool can_be_file_name(const std::string& id) {
  const auto bad = [](unsigned char c) { return c < 0x20 || c == 0x7f || c == '/' || c == '\\'; };
  return !id.empty() && id.size() <= 200 && id.front() != '.' && std::none_of(id.begin(), id.end(), bad);
}

nlohmann::ordered_json to_json(const CheckReport& report) {
  auto findings = nlohmann::ordered_json::array();
  for (const Finding& finding : report.findings)
    findings.push_back({{"level", name(finding.level)},
                        {"line", finding.line},
                        {"id", finding.id},
                        {"message", finding.message},
                        {"suggestion", finding.suggestion}});
  return {{"passes", report.passes()},
          {"rows", report.rows},
          {"errors", report.count(Level::error)},
          {"leaks", report.count(Level::leak)},
          {"warnings", report.count(Level::warning)},
          {"splits", report.splits},
          {"findings", findings}};
}

}  // namespace cigli
