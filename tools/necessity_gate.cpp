#include "tools/necessity_gate.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <unordered_set>

#include "dataset/pack.h"
#include "eval/roc.h"
#include "runtime/interrupt.h"
#include "runtime/progress.h"
#include "tools/bar_chart.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::string accuracy_text(const Score& score) {
  char text[64];
  std::snprintf(text, sizeof text, "%.1f %% [%.1f, %.1f]", 100 * score.accuracy, 100 * score.interval.low,
                100 * score.interval.high);
  return text;
}

std::string decimal(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", value);
  return text;
}

}  // namespace

void GateOptions::visit(Fields& f) {
  f("gate", gate, "necessity: also keep only rows that need both sentence and prompt, as trained scorers judge",
    Choices{{"", "necessity"}});
  f("undecided", undecided, "rows whose target both together don't tell either", Choices{{"keep", "drop"}});
  f("size", size, "height in pixels at which the scorers see the images, a multiple of 8", Range{8, 512});
  necessity.visit(f);
}

NecessityGate::NecessityGate(Hygiene& hygiene, const fs::path& data, const fs::path& workspace,
                             const GateOptions& options)
    : options_(options) {
  std::unordered_set<std::string> wanted;
  std::unordered_set<std::string> planted;
  hygiene.judge([&](const Row* row, const Judgement& judgement) {
    if (row == nullptr || judgement.objection != Objection::none) return;
    wanted.insert(row->id);
    const auto mark = row->object.find("planted");
    if (mark != row->object.end() && mark->is_string() && *mark != "") planted.insert(row->id);
  });
  PackOptions pack_options;
  pack_options.size = options.size;
  pack_options.wanted = [&](const Row& row) { return wanted.count(row.id) > 0; };
  const fs::path file = workspace / "gate.pack";
  pack_dataset(data, file, pack_options);
  const Pack pack(file);

  const InterruptGuard guard;
  Progress progress("scorers' steps", options.necessity.folds * 3 * options.necessity.training.steps);
  table_ = judge_necessity(pack, options.necessity, workspace, [&](std::int64_t done, std::int64_t all) {
    if (InterruptGuard::requested())
      throw Interrupted(data.string() + ": interrupted after " + std::to_string(done) + " of " + std::to_string(all) +
                        " scorers' steps; the same command goes on from there");
    progress.update(done);
  });
  progress.finish();
  for (std::size_t i = 0; i < table_.rows.size(); ++i) {
    const RowNecessity& row = table_.rows[i];
    places_[row.id] = i;
    if (planted.empty()) continue;
    const bool is_planted = planted.count(row.id) > 0;
    (is_planted ? planted_ : genuine_).push_back(row.necessity());
    (is_planted ? of_planted_ : of_genuine_).push_back(row.cluster);
  }
}

void NecessityGate::judge(const Row& row, Judgement& judgement) const {
  if (judgement.objection != Objection::none) return;
  const RowNecessity& found = table_.rows[places_.at(row.id)];
  if (found.need == Need::dropped) judgement.objection = Objection::unneeded;
  if (found.need == Need::undecided && options_.undecided == "drop") judgement.objection = Objection::undecided;
  if (judgement.objection != Objection::none) judgement.reason = found.reason;
}

Json NecessityGate::json() const {
  Json json = table_.json();
  if (!planted_.empty() && !genuine_.empty()) {
    const Score auroc = area_under_roc(genuine_, planted_, of_genuine_, of_planted_);
    json["planted"] = {
        {"rows", planted_.size()}, {"auroc", auroc.accuracy}, {"ci", {auroc.interval.low, auroc.interval.high}}};
  }
  return json;
}

std::string NecessityGate::lines() const {
  std::string lines;
  const auto rounded = [](double value) { return std::round(value * 1e4) / 1e4; };
  for (const RowNecessity& row : table_.rows)
    lines += Json{{"id", row.id},
                  {"joint", rounded(row.joint)},
                  {"text_only", rounded(row.text_only)},
                  {"image_only", rounded(row.image_only)},
                  {"necessity", rounded(row.necessity())},
                  {"spread", rounded(row.spread)},
                  {"need", name(row.need)}}
                 .dump() +
             '\n';
  return lines;
}

std::string NecessityGate::text() const {
  std::string text = "  targets found among candidates: with both inputs " + accuracy_text(table_.joint) +
                     ", sentence alone " + accuracy_text(table_.text_only) + ", prompt alone " +
                     accuracy_text(table_.image_only) + ", by chance " + decimal(100 * table_.chance) + " %\n";
  const Json json = this->json();
  if (json.contains("planted"))
    text += "  planted rows told from others: area under the ROC curve " + decimal(json["planted"]["auroc"]) + "\n";
  return text;
}

std::string NecessityGate::section() const {
  constexpr double width = 0.25;
  std::int64_t lowest = 0, highest = 0;
  std::vector<std::int64_t> places;
  for (const RowNecessity& row : table_.rows) {
    places.push_back(static_cast<std::int64_t>(std::floor(std::clamp(row.necessity(), -3.0, 6.0) / width)));
    lowest = std::min(lowest, places.back());
    highest = std::max(highest, places.back());
  }
  std::vector<std::pair<std::string, std::int64_t>> values;
  for (std::int64_t place = lowest; place <= highest; ++place)
    values.emplace_back(
        decimal(static_cast<double>(place) * width) + " to " + decimal(static_cast<double>(place + 1) * width),
        std::count(places.begin(), places.end(), place));
  const auto line = [](const std::string& what, const std::string& value) {
    return "<tr><td>" + what + "<td>" + value + "\n";
  };
  std::string html =
      "<h2>Necessity</h2>\n<p>How much better both inputs together tell a row's target from other targets "
      "than the better of them alone, in nats. Kept: more than " +
      decimal(options_.necessity.margin) + ". Scorers were trained on other rows of this dataset.</p>\n" +
      bars("Rows by necessity in nats", values) + "<section><h3>Own target found among candidates</h3><table>\n" +
      line("with both inputs", accuracy_text(table_.joint)) +
      line("by the sentence alone", accuracy_text(table_.text_only)) +
      line("by the prompt alone", accuracy_text(table_.image_only)) +
      line("by chance", decimal(100 * table_.chance) + " %");
  for (const Need need : {Need::kept, Need::dropped, Need::undecided})
    html += line(name(need), std::to_string(table_.count(need)) + " rows");
  std::string folds;
  for (const double mean : table_.folds) folds += (folds.empty() ? "" : ", ") + decimal(mean);
  html += line("mean necessity, fold by fold", folds);
  const Json json = this->json();
  if (json.contains("planted"))
    html += line("planted rows told from others, area under the ROC curve", decimal(json["planted"]["auroc"]));
  return html + "</table></section>\n";
}

}  // namespace cigli
