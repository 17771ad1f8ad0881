#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "eval/study/bradley_terry.h"
#include "eval/study/judgements.h"
#include "eval/study/key.h"
#include "eval/study/rating.h"
#include "eval/study/win_rate.h"

namespace cigli {

// Level of all tests of a study.
constexpr double kSignificant = 0.05;

// Do raters answer alike? Units are a comparison, or one system's image, of an item; a rater counts once in each, by
// the first answer.
struct StudyAgreement {
  std::optional<double> nominal, ordinal;  // krippendorff_alpha; ordinal by what the first system won, or by ratings
  std::optional<double> kappa;             // fleiss_kappa, where all units have as many raters
  std::int64_t units = 0;                  // with two raters or more
  std::string no_alpha, no_kappa;          // why there is none
};

// One system against another, by one question.
struct PairScore {
  std::string first, second;
  std::int64_t wins = 0, ties = 0, both_bad = 0, losses = 0;  // of the first
  WinRate rate;                                               // of the first; ties and both-bad are half a win
  double p_adjusted = 1;  // by Holm's method (Scandinavian Journal of Statistics 6, 1979) over the question's pairs
  std::string verdict;
  StudyAgreement agreement;
};

// One system, by one question: ratings' mean, or where real images are told from generated the share called real.
struct SystemScore {
  std::string system;
  std::vector<std::pair<std::string, std::int64_t>> answers;  // how often each was given, in the question's order
  MeanRating rating;
};
struct SystemDifference {
  std::string first, second;
  RatingDifference difference;
  double p_adjusted = 1;  // as PairScore's
  std::string verdict;
};

struct QuestionScore {
  std::string question, wording;
  double least = 0, most = 1;  // of ratings
  std::vector<PairScore> pairs;
  std::optional<BradleyTerry> strengths;  // of more than two systems
  std::string no_strengths;               // why there are none where there should be
  std::vector<SystemScore> systems;
  std::vector<SystemDifference> differences;
  std::optional<StudyAgreement> agreement;  // of single images
  std::optional<SideBias> side;             // of pairs
  double side_p_adjusted = 1;               // by Holm's method over the questions
  bool prefers_side() const { return side && side_p_adjusted < kSignificant; }
};

// What raters said of one comparison, or one system's image, of an item.
struct JudgedUnit {
  std::int64_t item = 0;             // number in StudyKey::items
  std::vector<std::string> systems;  // as StudyKey::comparisons
  // By question the answers and how often each was given; of pairs "first", "second", "tie", "both-bad".
  std::map<std::string, std::map<std::string, std::int64_t>> answers;
  double disagreement = 0;  // share of pairs of raters whose answers to one question differ; 0 without pairs
};

struct StudyScores {
  std::int64_t answers = 0, items = 0, raters = 0;  // without checks and repeats; items and raters that have any
  std::int64_t repeated = 0;  // answers on what the same rater had judged in another list; win rates count them
  std::vector<QuestionScore> questions;
  std::vector<JudgedUnit> units;  // the most contested first
};

// All results of a study. `smallest` is the win rate worth detecting, for "underpowered". In studies of single images
// with the questions consistency and quality, from 0 to 1, and none overall, that is added: the root of their product
// (ImagenHub, Ku et al. 2024, section 3.2). Throws Error without judgements.
StudyScores score_study(const std::vector<StudyJudgement>& judged, const StudyKey& key, double smallest = 0.65);

nlohmann::ordered_json to_json(const StudyScores& scores, const StudyKey& key);
nlohmann::ordered_json to_json(const RaterRecord& rater);

}  // namespace cigli
