#include "tools/study_results.h"

#include <algorithm>
#include <set>

#include "tools/study_words.h"

namespace cigli {
namespace {

using Json = nlohmann::ordered_json;

std::string row(const std::string& label, const std::string& value, const std::string& more) {
  return "  " + label + std::string(label.size() < 30 ? 30 - label.size() : 1, ' ') + value +
         std::string(value.size() < 28 ? 28 - value.size() : 1, ' ') + more + "\n";
}

std::string text_of(const QuestionScore& score, bool share) {
  std::string text;
  for (const PairScore& pair : score.pairs)
    text +=
        row(pair.first + " over " + pair.second, range_text(pair.rate.value, pair.rate.interval, true), pair.verdict);
  for (const SystemScore& system : score.systems)
    text += row(system.system, range_text(system.rating.value, system.rating.interval, share),
                answers_text(system.answers));
  for (const SystemDifference& pair : score.differences)
    text += row(pair.first + " less " + pair.second, range_text(pair.difference.value, pair.difference.interval, share),
                pair.verdict);
  if (score.strengths)
    for (const Strength& strength : score.strengths->strengths)
      text += row("strength of " + strength.system, range_text(strength.value, strength.interval, false), "");
  if (!score.no_strengths.empty()) text += "  no strengths: " + score.no_strengths + "\n";
  for (const auto& [label, agreement] : agreements_of(score))
    text += row("agreement" + (label.empty() ? "" : ", " + label),
                "alpha " + value_or_none(agreement->nominal) + ", ordinal " + value_or_none(agreement->ordinal),
                "kappa " + value_or_none(agreement->kappa) +
                    (agreement->no_kappa.empty() ? "" : " (" + agreement->no_kappa + ")"));
  if (score.side)
    text +=
        row("left of " + count_of(score.side->votes, "vote"), range_text(score.side->left, score.side->interval, true),
            score.prefers_side() ? "SIDE BIAS, p " + p_text(score.side_p_adjusted) : "no side bias found");
  for (const std::string& warning : warnings_of(score)) text += "  warning: " + warning + "\n";
  return text;
}

}  // namespace

std::int64_t StudyResults::failed() const {
  return std::count_if(raters.begin(), raters.end(), [](const RaterRecord& rater) { return !rater.failed.empty(); });
}

std::vector<std::int64_t> StudyResults::unanswered_lists() const {
  std::set<std::int64_t> begun;
  for (const StudyResponse& response : responses.usable) begun.insert(response.list);
  std::vector<std::int64_t> lists;
  for (std::int64_t list = 0; list < static_cast<std::int64_t>(key.lists.size()); ++list)
    if (begun.count(list) == 0) lists.push_back(list);
  return lists;
}

std::vector<std::string> models_of(const StudyKey& key, const std::string& system) {
  std::set<std::string> models;
  for (const auto& [name, image] : key.images)
    if (image.system == system && !image.model.empty()) models.insert(image.model);
  return {models.begin(), models.end()};
}

std::string study_table(const StudyResults& report) {
  const StudyScores& scores = report.result();
  std::string text = count_of(scores.answers, "answer") + " on " + count_of(scores.items, "item") + " by " +
                     count_of(scores.raters, "rater") + "; " + std::to_string(report.failed()) + " of " +
                     std::to_string(report.raters.size()) + " fail the declared rules" +
                     (report.failed() == 0    ? ""
                      : report.exclude_failed ? " and are left out"
                                              : " and are not left out (--exclude-failed)") +
                     "\n";
  for (const QuestionScore& score : scores.questions)
    text += score.question + "\n" + text_of(score, report.key.mode != StudyMode::single);
  return text;
}

Json study_json(const StudyResults& report) {
  const StudyKey& key = report.key;
  Json raters = Json::array(), systems = Json::array();
  for (const RaterRecord& rater : report.raters) raters.push_back(to_json(rater));
  for (const StudySystem& system : key.systems)
    systems.push_back(
        {{"name", system.name}, {"folder", system.folder.string()}, {"models", models_of(key, system.name)}});
  return {{"packet", key.packet},
          {"mode", name(key.mode)},
          {"systems", systems},
          {"result", report.exclude_failed ? "passing_raters" : "all_raters"},
          {"all_raters", to_json(report.all, key)},
          {"passing_raters", report.passing ? to_json(*report.passing, key) : Json()},
          {"raters", raters},
          {"exclusion",
           {{"attention", key.exclusion.attention},
            {"catches", key.exclusion.catches},
            {"repeats", key.exclusion.repeats},
            {"seconds", key.exclusion.seconds}}},
          {"responses",
           {{"used", report.responses.usable.size()},
            {"refused", report.responses.refused},
            {"duplicates", report.responses.duplicates},
            {"unfinished", report.responses.unfinished},
            {"unanswered_lists", report.unanswered_lists()}}}};
}

}  // namespace cigli
