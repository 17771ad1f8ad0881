#include "eval/study/scores.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <tuple>
#include <utility>

#include "eval/study/agreement.h"
#include "runtime/error.h"

namespace cigli {
namespace {

// A judgement as the comparison has it, whichever way round it was shown.
struct Oriented {
  const StudyJudgement* judgement = nullptr;
  std::size_t comparison = 0;
  std::string answer;  // of pairs "first", "second", "tie", "both-bad"
  double value = 0;    // of pairs what the first won
};

// "first" or "second" for "left" or "right"; `turned`: the comparison's second system is left.
std::string answer_by_system(const std::string& answer, bool turned) {
  if (answer != "left" && answer != "right") return answer;
  return (answer == "left") == turned ? "second" : "first";
}

Oriented oriented(const StudyJudgement& judgement, const StudyKey& key) {
  for (std::size_t c = 0; c < key.comparisons.size(); ++c) {
    const std::vector<std::string>& systems = key.comparisons[c];
    const bool turned = systems.size() == 2 && systems != judgement.systems;
    if (turned ? std::equal(systems.rbegin(), systems.rend(), judgement.systems.begin(), judgement.systems.end())
               : systems == judgement.systems)
      return {&judgement, c, answer_by_system(judgement.answer, turned),
              turned ? 1 - judgement.value : judgement.value};
  }
  throw Error("the key has no comparison of the systems that a trial shows");
}

// Holm's adjusted p-values, in the order of `p`.
std::vector<double> holm(const std::vector<double>& p) {
  std::vector<std::size_t> order(p.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return p[a] < p[b]; });
  std::vector<double> adjusted(p.size());
  double reached = 0;
  for (std::size_t k = 0; k < order.size(); ++k) {
    reached = std::max(reached, std::min(1.0, static_cast<double>(p.size() - k) * p[order[k]]));
    adjusted[order[k]] = reached;
  }
  return adjusted;
}

std::string percent_of(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %%", 100 * share);
  return text;
}

std::string verdict_of(const PairScore& pair, double smallest) {
  if (pair.p_adjusted < kSignificant) return (pair.rate.value > 0.5 ? pair.first : pair.second) + " preferred";
  const std::string found = pair.rate.p < kSignificant ? "not significant by Holm's method" : "no difference found";
  if (pair.rate.underpowered && pair.rate.detectable == 1) return "underpowered: too few votes to find any difference";
  if (pair.rate.underpowered)
    return "underpowered: finds " + percent_of(pair.rate.detectable) +
           " of the votes without ties, or more, in four studies of five";
  if (pair.rate.interval.low > 1 - smallest && pair.rate.interval.high < smallest)
    return found + ": within " + percent_of(1 - smallest) + " and " + percent_of(smallest);
  return found + "; " + percent_of(smallest) + " of the votes without ties would be, in four studies of five";
}

std::string verdict_of(const SystemDifference& pair, StudyMode mode) {
  if (pair.p_adjusted < kSignificant)
    return (pair.difference.value > 0 ? pair.first : pair.second) +
           (mode == StudyMode::real ? " called real more often" : " rated higher");
  return pair.difference.p < kSignificant ? "not significant by Holm's method" : "no difference found";
}

// Agreement within units, each answer the number of a category and a value. `scale`: whether values have an order.
class AgreementCounter {
 public:
  AgreementCounter(std::size_t categories, bool scale) : categories_(categories), scale_(scale) {}

  // `category` is `categories` or more where there are none.
  void add(std::int64_t item, std::size_t comparison, std::int64_t rater, std::size_t category, double value) {
    units_[{item, comparison}].emplace(rater, std::pair(category, value));
  }

  StudyAgreement result() const {
    StudyAgreement agreement;
    Ratings nominal, ordinal;
    std::vector<std::vector<std::int64_t>> counts;
    std::size_t fewest = 1000000000, most = 0;
    for (const auto& [unit, raters] : units_) {
      fewest = std::min(fewest, raters.size());
      most = std::max(most, raters.size());
      agreement.units += raters.size() > 1;
      auto& labels = nominal.emplace_back();
      auto& values = ordinal.emplace_back();
      auto& count = counts.emplace_back(categories_);
      for (const auto& [rater, answer] : raters) {
        values.emplace_back(answer.second);
        if (answer.first >= categories_) continue;
        labels.emplace_back(static_cast<double>(answer.first));
        ++count[answer.first];
      }
    }
    if (agreement.units == 0) {
      agreement.no_alpha = agreement.no_kappa = "nothing was judged by two raters";
      return agreement;
    }
    if (scale_) agreement.ordinal = krippendorff_alpha(ordinal, Scale::ordinal);
    if (categories_ == 0) return agreement;
    agreement.nominal = krippendorff_alpha(nominal, Scale::nominal);
    if (!agreement.nominal) agreement.no_alpha = "all answers are alike";
    if (fewest < most)
      agreement.no_kappa = "units have from " + std::to_string(fewest) + " to " + std::to_string(most) + " raters";
    else if (!(agreement.kappa = fleiss_kappa(counts)))
      agreement.no_kappa = "all answers are alike";
    return agreement;
  }

 private:
  std::size_t categories_;
  bool scale_;
  std::map<std::pair<std::int64_t, std::size_t>, std::map<std::int64_t, std::pair<std::size_t, double>>> units_;
};

class QuestionScorer {
 public:
  QuestionScorer(const StudyKey& key, const StudyQuestion& question, double smallest) : key_(key), smallest_(smallest) {
    score_.question = question.key;
    score_.wording = question.wording;
    for (const StudyAnswer& answer : question.answers) categories_.push_back(answer_by_system(answer.key, false));
    if (key.mode == StudyMode::single && !categories_.empty()) {
      score_.least = std::strtod(categories_.front().c_str(), nullptr);
      score_.most = std::strtod(categories_.back().c_str(), nullptr);
    }
  }

  void add(const Oriented& one) { judged_.push_back(one); }

  QuestionScore result() && {
    if (judged_.empty()) return std::move(score_);
    if (key_.mode == StudyMode::pairs) {
      add_pairs();
      add_strengths();
      add_side();
    } else {
      add_systems();
      add_differences();
      score_.agreement = agreement_of([](const Oriented&) { return true; });
    }
    return std::move(score_);
  }

 private:
  void add_pairs() {
    std::vector<std::vector<Vote>> voted;  // on each of score_.pairs
    for (std::size_t c = 0; c < key_.comparisons.size(); ++c) {
      PairScore pair;
      pair.first = key_.comparisons[c][0];
      pair.second = key_.comparisons[c][1];
      std::vector<Vote> votes;
      for (const Oriented& one : judged_) {
        if (one.comparison != c) continue;
        votes.push_back({one.judgement->item, one.judgement->rater, one.value});
        ++(one.answer == "first"    ? pair.wins
           : one.answer == "second" ? pair.losses
           : one.answer == "tie"    ? pair.ties
                                    : pair.both_bad);
      }
      if (votes.empty()) continue;
      pair.agreement = agreement_of([&](const Oriented& one) { return one.comparison == c; });
      score_.pairs.push_back(pair);
      voted.push_back(std::move(votes));
    }
    for (std::size_t i = 0; i < voted.size(); ++i)
      score_.pairs[i].rate = win_rate(voted[i], {1 - kSignificant, smallest_, static_cast<std::int64_t>(voted.size())});
    std::vector<double> p;
    for (const PairScore& pair : score_.pairs) p.push_back(pair.rate.p);
    const std::vector<double> adjusted = holm(p);
    for (std::size_t i = 0; i < adjusted.size(); ++i) {
      score_.pairs[i].p_adjusted = adjusted[i];
      if (adjusted[i] < kSignificant) score_.pairs[i].rate.underpowered = false;  // found, where Holm asks for less
      score_.pairs[i].verdict = verdict_of(score_.pairs[i], smallest_);
    }
  }

  void add_strengths() {
    std::set<std::string> systems;
    std::vector<Comparison> comparisons;
    for (const Oriented& one : judged_) {
      const std::vector<std::string>& pair = key_.comparisons[one.comparison];
      systems.insert(pair.begin(), pair.end());
      comparisons.push_back({pair[0], pair[1], one.value, one.judgement->item, one.judgement->rater});
    }
    if (systems.size() < 3) return;
    try {
      score_.strengths = bradley_terry(comparisons);
    } catch (const Error& error) {
      score_.no_strengths = error.what();
    }
  }

  void add_side() {
    std::vector<Vote> votes;
    for (const Oriented& one : judged_)
      votes.push_back({one.judgement->item, one.judgement->rater, one.judgement->value});
    score_.side = side_bias(votes);
  }

  std::vector<Rating> ratings_of(const std::string& system) const {
    std::vector<Rating> ratings;
    for (const Oriented& one : judged_)
      if (key_.comparisons[one.comparison][0] == system)
        ratings.push_back({one.judgement->item, one.judgement->rater, one.value});
    return ratings;
  }

  void add_systems() {
    for (const auto& comparison : key_.comparisons) {
      const std::vector<Rating> ratings = ratings_of(comparison[0]);
      if (ratings.empty()) continue;
      SystemScore system;
      system.system = comparison[0];
      for (const std::string& category : categories_)
        system.answers.emplace_back(category, std::count_if(judged_.begin(), judged_.end(), [&](const Oriented& one) {
                                      return key_.comparisons[one.comparison][0] == system.system &&
                                             one.answer == category;
                                    }));
      system.rating = mean_rating(ratings, score_.least, score_.most);
      score_.systems.push_back(system);
    }
  }

  void add_differences() {
    std::vector<double> p;
    for (std::size_t i = 0; i < score_.systems.size(); ++i)
      for (std::size_t j = i + 1; j < score_.systems.size(); ++j) {
        const std::string &first = score_.systems[i].system, &second = score_.systems[j].system;
        score_.differences.push_back(
            {first, second, rating_difference(ratings_of(first), ratings_of(second), score_.least, score_.most), 1,
             ""});
        p.push_back(score_.differences.back().difference.p);
      }
    const std::vector<double> adjusted = holm(p);
    for (std::size_t i = 0; i < adjusted.size(); ++i) {
      score_.differences[i].p_adjusted = adjusted[i];
      score_.differences[i].verdict = verdict_of(score_.differences[i], key_.mode);
    }
  }

  template <class Chosen>
  StudyAgreement agreement_of(const Chosen& chosen) const {
    AgreementCounter counter(categories_.size(), key_.mode != StudyMode::real);
    for (const Oriented& one : judged_) {
      const auto category = std::find(categories_.begin(), categories_.end(), one.answer) - categories_.begin();
      if (chosen(one))
        counter.add(one.judgement->item, one.comparison, one.judgement->rater, static_cast<std::size_t>(category),
                    one.value);
    }
    return counter.result();
  }

  const StudyKey& key_;
  double smallest_;
  QuestionScore score_;
  std::vector<std::string> categories_;
  std::vector<Oriented> judged_;
};

// ImagenHub's overall score of each image that a rater judged by both questions.
std::vector<StudyJudgement> overall_of(const std::vector<StudyJudgement>& judged, const StudyKey& key) {
  const auto asked = [&](const char* name) {
    return std::find_if(key.questions.begin(), key.questions.end(),
                        [&](const StudyQuestion& question) { return question.key == name; });
  };
  if (key.mode != StudyMode::single || asked("overall") != key.questions.end()) return {};
  for (const char* name : {"consistency", "quality"}) {
    const auto question = asked(name);
    if (question == key.questions.end() || std::strtod(question->answers.front().key.c_str(), nullptr) != 0 ||
        std::strtod(question->answers.back().key.c_str(), nullptr) != 1)
      return {};
  }
  std::map<std::tuple<std::int64_t, std::int64_t, std::int64_t>, const StudyJudgement*> consistency;
  for (const StudyJudgement& one : judged)
    if (one.question == "consistency") consistency[{one.rater, one.list, one.position}] = &one;
  std::vector<StudyJudgement> overall;
  for (const StudyJudgement& one : judged) {
    const auto other = consistency.find({one.rater, one.list, one.position});
    if (one.question != "quality" || other == consistency.end()) continue;
    overall.push_back(one);
    overall.back().question = "overall";
    overall.back().answer = "";
    overall.back().value = std::sqrt(one.value * other->second->value);
  }
  return overall;
}

// Rater, item, comparison, question.
using JudgedOnce = std::tuple<std::int64_t, std::int64_t, std::size_t, std::string>;
JudgedOnce judged_once(const Oriented& one) {
  return {one.judgement->rater, one.judgement->item, one.comparison, one.judgement->question};
}

// Share of pairs of answers that differ.
double disagreement_of(const JudgedUnit& unit) {
  double differ = 0, all = 0;
  for (const auto& [question, answers] : unit.answers) {
    double given = 0, alike = 0;
    for (const auto& [answer, count] : answers) {
      given += static_cast<double>(count);
      alike += static_cast<double>(count) * static_cast<double>(count - 1);
    }
    all += given * (given - 1);
    differ += given * (given - 1) - alike;
  }
  return all == 0 ? 0 : differ / all;
}

// A rater counts once in each, by the first answer.
std::vector<JudgedUnit> units_of(const std::vector<Oriented>& judged, const StudyKey& key) {
  std::map<std::pair<std::int64_t, std::size_t>, JudgedUnit> units;
  std::set<JudgedOnce> seen;
  for (const Oriented& one : judged) {
    JudgedUnit& unit = units[{one.judgement->item, one.comparison}];
    unit.item = one.judgement->item;
    unit.systems = key.comparisons[one.comparison];
    if (seen.insert(judged_once(one)).second) ++unit.answers[one.judgement->question][one.answer];
  }
  std::vector<JudgedUnit> all;
  for (auto& entry : units) {
    entry.second.disagreement = disagreement_of(entry.second);
    all.push_back(std::move(entry.second));
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const JudgedUnit& a, const JudgedUnit& b) { return a.disagreement > b.disagreement; });
  return all;
}

// Judgements of what the rater had judged before, in another list.
std::int64_t repeated_in(const std::vector<Oriented>& judged) {
  std::set<JudgedOnce> seen;
  std::int64_t repeated = 0;
  for (const Oriented& one : judged) repeated += !seen.insert(judged_once(one)).second;
  return repeated;
}

}  // namespace

StudyScores score_study(const std::vector<StudyJudgement>& judged, const StudyKey& key, double smallest) {
  if (judged.empty()) throw Error("a study can't be scored without a judgement");
  StudyScores scores;
  scores.answers = static_cast<std::int64_t>(judged.size());
  std::set<std::int64_t> items, raters;
  std::vector<Oriented> all;
  for (const StudyJudgement& judgement : judged) {
    items.insert(judgement.item);
    raters.insert(judgement.rater);
    all.push_back(oriented(judgement, key));
  }
  scores.items = static_cast<std::int64_t>(items.size());
  scores.raters = static_cast<std::int64_t>(raters.size());
  scores.repeated = repeated_in(all);
  scores.units = units_of(all, key);

  std::vector<StudyQuestion> questions = key.questions;
  const std::vector<StudyJudgement> overall = overall_of(judged, key);
  if (!overall.empty()) questions.push_back({"overall", "The root of consistency times quality", {}});
  for (const StudyJudgement& judgement : overall) all.push_back(oriented(judgement, key));
  for (const StudyQuestion& question : questions) {
    QuestionScorer scorer(key, question, smallest);
    for (const Oriented& one : all)
      if (one.judgement->question == question.key) scorer.add(one);
    scores.questions.push_back(std::move(scorer).result());
  }
  std::vector<double> sides;
  for (const QuestionScore& score : scores.questions) sides.push_back(score.side ? score.side->p : 1);
  const std::vector<double> adjusted = holm(sides);
  for (std::size_t q = 0; q < adjusted.size(); ++q) scores.questions[q].side_p_adjusted = adjusted[q];
  return scores;
}

}  // namespace cigli
