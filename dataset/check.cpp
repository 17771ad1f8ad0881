#include "dataset/check.h"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <utility>

#include "dataset/image.h"
#include "dataset/metadata.h"
#include "dataset/parallel.h"
#include "runtime/error.h"
#include "runtime/hash.h"
#include "runtime/text.h"

namespace cigli {
namespace {

constexpr std::size_t kChunk = 1024;  // rows in memory at a time

// What was found in one image file.
struct Sight {
  std::uint64_t key = 0;  // of its pixels
  std::string fault;
};

Sight look_at(const std::filesystem::path& file) {
  Sight sight;
  try {
    const Image image = read_image(file);
    std::string bytes = std::to_string(image.width) + " ";
    bytes.append(reinterpret_cast<const char*>(image.pixels.data()), image.pixels.size());
    sight.key = stable_hash(bytes);
  } catch (const Error& error) {
    sight.fault = error.what();
  }
  return sight;
}

std::string suggestion_for(const RowFault& fault) {
  const auto says = [&](const char* part) { return fault.reason.find(part) != std::string::npos; };
  if (says("duplicate id")) return "give each row an id of its own";
  if (says("UTF-8")) return "save the file as UTF-8";
  if (says("malformed JSON")) return "write one complete JSON object a line, without a comma at its end";
  if (says("file_name")) return "name a file inside the dataset folder, relative to metadata.jsonl";
  return "a row needs the strings id, text, prompt_file_name and target_file_name";
}

class Checker {
 public:
  Checker(std::filesystem::path file, std::int64_t workers) : file_(std::move(file)), workers_(workers) {}

  void add(Row&& row) {
    ++report_.rows;
    ++report_.splits[row.split];
    if (!can_be_file_name(row.id))
      warn(row, "the id can't be a file name", "use 1-200 letters, digits, - or _: results are written as <id>.png");
    const std::vector<std::string> known = {"train", "val", "test"};
    const std::string meant = nearest(row.split, known);
    if (!row.split.empty() && !meant.empty() && meant != row.split)
      warn(row, "unusual split \"" + row.split + "\"", "did you mean \"" + meant + "\"?");
    row.object = nullptr;
    waiting_.push_back(std::move(row));
    if (waiting_.size() == kChunk) look_at_images();
  }

  void add(RowFault&& fault) {
    report_.findings.push_back({true, fault.line, fault.id, fault.reason, suggestion_for(fault)});
  }

  CheckReport finish() {
    look_at_images();
    // What training does: rows without a split count where no row has one.
    const std::int64_t unsplit = report_.splits[""];
    report_.splits.erase("");
    const std::int64_t usable = report_.splits.empty() ? unsplit : report_.splits["train"];
    if (usable == 0)
      report_.findings.push_back({true, 0, "", "no rows to train on",
                                  "put rows into the split \"train\", or leave \"split\" out of all rows"});
    if (unsplit > 0 && !report_.splits.empty())
      report_.findings.push_back({false, 0, "",
                                  std::to_string(unsplit) + " rows without a split beside others with one",
                                  "training leaves them out: give them a split"});
    if (unsplit > 0) report_.splits[""] = unsplit;
    if (report_.splits["train"] == 0) report_.splits.erase("train");
    std::stable_sort(report_.findings.begin(), report_.findings.end(),
                     [](const Finding& a, const Finding& b) { return a.line < b.line; });
    report_.trainable = report_.errors() == 0;
    return std::move(report_);
  }

 private:
  void warn(const Row& row, std::string message, std::string suggestion) {
    report_.findings.push_back({false, row.line, row.id, std::move(message), std::move(suggestion)});
  }

  void look_at_images() {
    const std::filesystem::path folder = file_.parent_path();
    std::vector<std::array<Sight, 2>> sights(waiting_.size());
    for_each_parallel(static_cast<std::int64_t>(waiting_.size()), workers_, [&](std::int64_t i) {
      sights[i] = {look_at(folder / waiting_[i].prompt_file_name), look_at(folder / waiting_[i].target_file_name)};
    });
    for (std::size_t i = 0; i < waiting_.size(); ++i)
      for (const Sight& sight : sights[i]) judge(waiting_[i], sight);
    waiting_.clear();
  }

  void judge(const Row& row, const Sight& sight) {
    if (!sight.fault.empty()) {
      report_.findings.push_back({true, row.line, row.id, sight.fault, "put a readable PNG, JPEG or BMP image there"});
      return;
    }
    const auto [first, fresh] = seen_.emplace(sight.key, Place{row.line, row.split});
    if (!fresh && first->second.split != row.split)
      warn(row,
           "an image of this row is also on line " + std::to_string(first->second.line) + ", in split \"" +
               first->second.split + "\"",
           "keep pairs that share an image in one split: scores on the other would be too good");
  }

  struct Place {
    std::int64_t line;
    std::string split;
  };

  std::filesystem::path file_;
  std::int64_t workers_;
  std::vector<Row> waiting_;
  std::unordered_map<std::uint64_t, Place> seen_;  // pixels -> where they stood first
  CheckReport report_;
};

}  // namespace

std::int64_t CheckReport::errors() const {
  return std::count_if(findings.begin(), findings.end(), [](const Finding& finding) { return finding.error; });
}

CheckReport check_dataset(const std::filesystem::path& folder, std::int64_t workers) {
  Checker checker(metadata_file(folder), workers);
  scan_metadata(
      folder, [&](Row&& row) { checker.add(std::move(row)); },
      [&](RowFault&& fault) { checker.add(std::move(fault)); });
  return checker.finish();
}

bool can_be_file_name(const std::string& id) {
  const auto bad = [](unsigned char c) { return c < 0x20 || c == 0x7f || c == '/' || c == '\\'; };
  return !id.empty() && id.size() <= 200 && id.front() != '.' && std::none_of(id.begin(), id.end(), bad);
}

nlohmann::ordered_json to_json(const CheckReport& report) {
  auto findings = nlohmann::ordered_json::array();
  for (const Finding& finding : report.findings)
    findings.push_back({{"level", finding.error ? "error" : "warning"},
                        {"line", finding.line},
                        {"id", finding.id},
                        {"message", finding.message},
                        {"suggestion", finding.suggestion}});
  return {{"trainable", report.trainable},
          {"rows", report.rows},
          {"errors", report.errors()},
          {"warnings", static_cast<std::int64_t>(report.findings.size()) - report.errors()},
          {"splits", report.splits},
          {"findings", findings}};
}

}  // namespace cigli
