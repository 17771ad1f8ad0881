#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "eval/study/scores.h"

namespace cigli {

// How the table and the page of a study say what was found.

std::string decimals(double value, int digits);
std::string percent(double share);                                 // "65.4 %"
std::string p_text(double p);                                      // "0.012", "< 0.001"
std::string count_of(std::int64_t count, const std::string& one);  // "1 item", "2 items"
std::string joined(const std::vector<std::string>& parts, const std::string& between);
std::string value_or_none(const std::optional<double>& value);  // "0.123", "-"
// "0.520 (0.410 .. 0.630)", of shares in per cent.
std::string range_text(double value, const Interval& interval, bool share);
// "66 wins, 13 ties, 12 neither, 29 losses"
std::string outcomes(const PairScore& pair);
// "3 x left, 1 x tie", of how often each answer was given.
template <class Counts>
std::string answers_text(const Counts& answers) {
  std::vector<std::string> parts;
  for (const auto& [answer, count] : answers) parts.push_back(std::to_string(count) + " x " + answer);
  return joined(parts, ", ");
}

// What a question has of agreement: of each pair, named where there are several, or of single images.
std::vector<std::pair<std::string, const StudyAgreement*>> agreements_of(const QuestionScore& score);
// A question's warnings, each once, with what it is of where it is not of all.
std::vector<std::string> warnings_of(const QuestionScore& score);

}  // namespace cigli
