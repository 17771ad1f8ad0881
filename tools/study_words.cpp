#include "tools/study_words.h"

#include <algorithm>
#include <cstdio>

namespace cigli {

std::string decimals(double value, int digits) {
  char text[48];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

std::string percent(double share) { return decimals(100 * share, 1) + " %"; }

std::string p_text(double p) { return p < 0.001 ? "< 0.001" : decimals(p, 3); }

std::string count_of(std::int64_t count, const std::string& one) {
  return std::to_string(count) + " " + one + (count == 1 ? "" : "s");
}

std::string joined(const std::vector<std::string>& parts, const std::string& between) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : between) + part;
  return text;
}

std::string value_or_none(const std::optional<double>& value) { return value ? decimals(*value, 3) : "-"; }

std::string outcomes(const PairScore& pair) {
  return count_of(pair.wins, "win") + ", " + count_of(pair.ties, "tie") + ", " + std::to_string(pair.both_bad) +
         " neither, " + std::to_string(pair.losses) + (pair.losses == 1 ? " loss" : " losses");
}

std::string range_text(double value, const Interval& interval, bool share) {
  if (share) return percent(value) + " (" + percent(interval.low) + " .. " + percent(interval.high) + ")";
  return decimals(value, 3) + " (" + decimals(interval.low, 3) + " .. " + decimals(interval.high, 3) + ")";
}

std::vector<std::pair<std::string, const StudyAgreement*>> agreements_of(const QuestionScore& score) {
  std::vector<std::pair<std::string, const StudyAgreement*>> all;
  for (const PairScore& pair : score.pairs)
    all.emplace_back(score.pairs.size() > 1 ? pair.first + " over " + pair.second : "", &pair.agreement);
  if (score.agreement) all.emplace_back("", &*score.agreement);
  return all;
}

std::vector<std::string> warnings_of(const QuestionScore& score) {
  std::vector<std::pair<std::string, std::vector<std::string>>> warnings;  // and what each is of
  std::size_t all = 0;
  const auto add = [&](const std::string& of, const std::string& warning) {
    ++all;
    if (warning.empty()) return;
    const auto same = std::find_if(warnings.begin(), warnings.end(), [&](const auto& w) { return w.first == warning; });
    if (same == warnings.end())
      warnings.push_back({warning, {of}});
    else
      same->second.push_back(of);
  };
  for (const PairScore& pair : score.pairs) add(pair.first + " over " + pair.second, pair.rate.warning);
  for (const SystemScore& system : score.systems) add(system.system, system.rating.warning);
  for (const SystemDifference& pair : score.differences)
    add(pair.first + " less " + pair.second, pair.difference.warning);
  if (score.strengths) add("strengths", score.strengths->warning);
  std::vector<std::string> texts;
  for (const auto& [warning, of] : warnings)
    texts.push_back((of.size() == all ? "" : joined(of, ", ") + ": ") + warning);
  return texts;
}

}  // namespace cigli
