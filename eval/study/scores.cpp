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

using Json = nlohmann::ordered_json;

constexpr double kSignificant = 0.05;

// A judgement as the comparison has it, whichever way round it was shown.
struct Oriented {
  const StudyJudgement* judgement = nullptr;
  std::size_t comparison = 0;
  std::string answer;  // of pairs "first", "second", "tie", "both-bad"
  double value = 0;    // of pairs what the first won
};

Oriented oriented(const StudyJudgement& judgement, const StudyKey& key) {
  for (std::size_t c = 0; c < key.comparisons.size(); ++c) {
    const std::vector<std::string>& systems = key.comparisons[c];
    if (systems == judgement.systems) {
      const bool pair = systems.size() == 2;
      const std::string& answer = judgement.answer;
      return {&judgement, c,
              !pair               ? answer
              : answer == "left"  ? "first"
              : answer == "right" ? "second"
                                  : answer,
              judgement.value};
    }
    if (systems.size() == 2 && systems[0] == judgement.systems[1] && systems[1] == judgement.systems[0]) {
      const std::string& answer = judgement.answer;
      return {&judgement, c, answer == "left" ? "second" : answer == "right" ? "first" : answer, 1 - judgement.value};
    }
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
  std::snprintf(text, sizeof text, "%.0f %%", 100 * share);
  return text;
}

std::string verdict_of(const PairScore& pair, std::size_t pairs, double smallest) {
  if (pair.p_adjusted < kSignificant) return (pair.rate.value > 0.5 ? pair.first : pair.second) + " preferred";
  if (pair.rate.underpowered)
    return "underpowered: so many votes find a win rate of " + percent_of(pair.rate.detectable) + " or more";
  if (pair.rate.p < kSignificant) return "no difference among " + std::to_string(pairs) + " pairs (Holm)";
  return "no difference found; one of " + percent_of(smallest) + " would have been, four times in five";
}

std::string verdict_of(const SystemDifference& pair, std::size_t pairs) {
  if (pair.p_adjusted < kSignificant) return (pair.difference.value > 0 ? pair.first : pair.second) + " rated higher";
  if (pair.difference.p < kSignificant) return "no difference among " + std::to_string(pairs) + " pairs (Holm)";
  return "not distinguishable";
}

class QuestionScorer {
 public:
  QuestionScorer(const StudyKey& key, const StudyQuestion& question, double smallest) : key_(key), smallest_(smallest) {
    score_.question = question.key;
    score_.wording = question.wording;
    for (const StudyAnswer& answer : question.answers)
      categories_.push_back(answer.key == "left" ? "first" : answer.key == "right" ? "second" : answer.key);
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
    }
    add_agreement();
    return std::move(score_);
  }

 private:
  void add_pairs() {
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
      pair.rate = win_rate(votes, 0.95, smallest_);
      score_.pairs.push_back(pair);
    }
    std::vector<double> p;
    for (const PairScore& pair : score_.pairs) p.push_back(pair.rate.p);
    const std::vector<double> adjusted = holm(p);
    for (std::size_t i = 0; i < adjusted.size(); ++i) {
      score_.pairs[i].p_adjusted = adjusted[i];
      score_.pairs[i].verdict = verdict_of(score_.pairs[i], adjusted.size(), smallest_);
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
      for (const std::string& category : categories_) system.answers[category] = 0;
      for (const Oriented& one : judged_)
        if (key_.comparisons[one.comparison][0] == system.system && !one.answer.empty()) ++system.answers[one.answer];
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
      score_.differences[i].verdict = verdict_of(score_.differences[i], adjusted.size());
    }
  }

  void add_agreement() {
    std::map<std::pair<std::int64_t, std::size_t>, std::vector<const Oriented*>> units;
    for (const Oriented& one : judged_) units[{one.judgement->item, one.comparison}].push_back(&one);
    Ratings nominal, ordinal;
    std::vector<std::vector<std::int64_t>> counts;
    std::size_t fewest = judged_.size(), most = 0;
    for (const auto& [unit, all] : units) {
      fewest = std::min(fewest, all.size());
      most = std::max(most, all.size());
      score_.agreement.units += all.size() > 1;
      auto& labels = nominal.emplace_back();
      auto& values = ordinal.emplace_back();
      auto& count = counts.emplace_back(categories_.size());
      for (const Oriented* one : all) {
        values.emplace_back(one->value);
        if (categories_.empty()) continue;  // derived from others: a number alone
        const auto category = std::find(categories_.begin(), categories_.end(), one->answer) - categories_.begin();
        labels.emplace_back(static_cast<double>(category));
        ++count.at(static_cast<std::size_t>(category));
      }
    }
    const bool numbers = key_.mode != StudyMode::real;
    if (!categories_.empty()) score_.agreement.nominal = krippendorff_alpha(nominal, Scale::nominal);
    if (numbers) score_.agreement.ordinal = krippendorff_alpha(ordinal, Scale::ordinal);
    if (categories_.empty()) return;
    if (most < 2)
      score_.agreement.unbalanced = "nothing was judged by two raters";
    else if (fewest < most)
      score_.agreement.unbalanced =
          "units have from " + std::to_string(fewest) + " to " + std::to_string(most) + " judgements";
    else
      score_.agreement.kappa = fleiss_kappa(counts);
  }

  const StudyKey& key_;
  double smallest_;
  QuestionScore score_;
  std::vector<std::string> categories_;
  std::vector<Oriented> judged_;
};

// ImagenHub's overall score of each image that a rater judged by both questions.
std::vector<StudyJudgement> overall_of(const std::vector<StudyJudgement>& judged, const StudyKey& key) {
  if (key.mode != StudyMode::single) return {};
  for (const char* name : {"consistency", "quality"}) {
    const auto question =
        std::find_if(key.questions.begin(), key.questions.end(), [&](const StudyQuestion& q) { return q.key == name; });
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

// Share of pairs of judgements that differ.
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

std::vector<JudgedUnit> units_of(const std::vector<Oriented>& judged, const StudyKey& key) {
  std::map<std::pair<std::int64_t, std::size_t>, JudgedUnit> units;
  for (const Oriented& one : judged) {
    JudgedUnit& unit = units[{one.judgement->item, one.comparison}];
    unit.item = one.judgement->item;
    unit.systems = key.comparisons[one.comparison];
    ++unit.answers[one.judgement->question][one.answer];
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
  std::set<std::tuple<std::int64_t, std::int64_t, std::size_t, std::string>> seen;
  std::int64_t repeated = 0;
  for (const Oriented& one : judged)
    repeated +=
        !seen.insert({one.judgement->rater, one.judgement->item, one.comparison, one.judgement->question}).second;
  return repeated;
}

Json number_or_null(const std::optional<double>& value) { return value ? Json(*value) : Json(); }
Json array_of(const Interval& interval) { return {interval.low, interval.high}; }

void put_warning(Json& json, const std::string& warning) {
  if (!warning.empty()) json["warning"] = warning;
}

Json json_of(const PairScore& pair) {
  Json json{{"first", pair.first},
            {"second", pair.second},
            {"win_rate", pair.rate.value},
            {"ci", array_of(pair.rate.interval)},
            {"p", pair.rate.p},
            {"p_holm", pair.p_adjusted},
            {"wins", pair.wins},
            {"ties", pair.ties},
            {"both_bad", pair.both_bad},
            {"losses", pair.losses},
            {"items", pair.rate.items},
            {"raters", pair.rate.raters},
            {"effective_votes", pair.rate.effective_votes},
            {"detectable", pair.rate.detectable},
            {"underpowered", pair.rate.underpowered},
            {"verdict", pair.verdict}};
  put_warning(json, pair.rate.warning);
  return json;
}

Json json_of(const SystemScore& system) {
  Json json{
      {"system", system.system},       {"mean", system.rating.value},      {"ci", array_of(system.rating.interval)},
      {"answers", system.answers},     {"ratings", system.rating.ratings}, {"items", system.rating.items},
      {"raters", system.rating.raters}};
  put_warning(json, system.rating.warning);
  return json;
}

Json json_of(const SystemDifference& pair) {
  Json json{{"first", pair.first},
            {"second", pair.second},
            {"difference", pair.difference.value},
            {"ci", array_of(pair.difference.interval)},
            {"p", pair.difference.p},
            {"p_holm", pair.p_adjusted},
            {"verdict", pair.verdict}};
  put_warning(json, pair.difference.warning);
  return json;
}

Json json_of(const BradleyTerry& model) {
  Json systems = Json::array();
  for (const Strength& strength : model.strengths)
    systems.push_back(
        {{"system", strength.system}, {"log_strength", strength.value}, {"ci", array_of(strength.interval)}});
  Json json{{"systems", systems}, {"tie", model.tie}};
  put_warning(json, model.warning);
  return json;
}

Json json_of(const StudyAgreement& agreement) {
  Json json{{"alpha_nominal", number_or_null(agreement.nominal)},
            {"alpha_ordinal", number_or_null(agreement.ordinal)},
            {"fleiss_kappa", number_or_null(agreement.kappa)},
            {"units", agreement.units}};
  if (!agreement.unbalanced.empty()) json["no_kappa"] = agreement.unbalanced;
  return json;
}

Json json_of(const QuestionScore& score) {
  Json json{{"question", score.question}};
  for (const PairScore& pair : score.pairs) json["pairs"].push_back(json_of(pair));
  if (score.strengths) json["bradley_terry"] = json_of(*score.strengths);
  if (!score.no_strengths.empty()) json["no_bradley_terry"] = score.no_strengths;
  for (const SystemScore& system : score.systems) json["systems"].push_back(json_of(system));
  for (const SystemDifference& pair : score.differences) json["differences"].push_back(json_of(pair));
  json["agreement"] = json_of(score.agreement);
  if (score.side)
    json["side_bias"] = {
        {"left", score.side->left},        {"ci", array_of(score.side->interval)}, {"p", score.side->p},
        {"p_holm", score.side_p_adjusted}, {"biased", score.prefers_side()},       {"votes", score.side->votes}};
  return json;
}

}  // namespace

StudyScores score_study(const std::vector<StudyJudgement>& judged, const StudyKey& key, double smallest) {
  if (judged.empty()) throw Error("a study can't be scored without a judgement");
  StudyScores scores;
  scores.judgements = static_cast<std::int64_t>(judged.size());
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

Json to_json(const StudyScores& scores, const StudyKey& key) {
  Json json{{"judgements", scores.judgements},        {"items", scores.items},      {"raters", scores.raters},
            {"repeated_judgements", scores.repeated}, {"questions", Json::array()}, {"by_item", Json::array()}};
  for (const QuestionScore& question : scores.questions) json["questions"].push_back(json_of(question));
  for (const JudgedUnit& unit : scores.units) {
    const StudyItem& item = key.items[static_cast<std::size_t>(unit.item)];
    json["by_item"].push_back({{"item", item.id},
                               {"line", item.line},
                               {"systems", unit.systems},
                               {"disagreement", unit.disagreement},
                               {"answers", unit.answers}});
  }
  return json;
}

Json to_json(const RaterRecord& rater) {
  const auto of = [](std::int64_t passed, std::int64_t all) { return Json{{"passed", passed}, {"of", all}}; };
  Json json{{"rater", rater.name},
            {"answers", rater.answers},
            {"attention", of(rater.attention_passed, rater.attention)},
            {"catches", of(rater.catches_passed, rater.catches)},
            {"repeats", of(rater.repeats_passed, rater.repeats)},
            {"median_seconds", rater.median_seconds}};
  if (!rater.failed.empty()) json["failed"] = rater.failed;
  return json;
}

}  // namespace cigli
