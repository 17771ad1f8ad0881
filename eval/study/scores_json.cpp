#include "eval/study/scores.h"

namespace cigli {
namespace {

using Json = nlohmann::ordered_json;

Json number_or_null(const std::optional<double>& value) { return value ? Json(*value) : Json(); }
Json array_of(const Interval& interval) { return {interval.low, interval.high}; }

void put_warning(Json& json, const std::string& warning) {
  if (!warning.empty()) json["warning"] = warning;
}

Json json_of(const StudyAgreement& agreement) {
  Json json{{"alpha_nominal", number_or_null(agreement.nominal)},
            {"alpha_ordinal", number_or_null(agreement.ordinal)},
            {"fleiss_kappa", number_or_null(agreement.kappa)},
            {"units", agreement.units}};
  if (!agreement.no_alpha.empty()) json["no_alpha"] = agreement.no_alpha;
  if (!agreement.no_kappa.empty()) json["no_kappa"] = agreement.no_kappa;
  return json;
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
            {"verdict", pair.verdict},
            {"agreement", json_of(pair.agreement)}};
  put_warning(json, pair.rate.warning);
  return json;
}

Json json_of(const SystemScore& system) {
  Json answers = Json::object();
  for (const auto& [answer, count] : system.answers) answers[answer] = count;
  Json json{{"system", system.system},
            {"mean", system.rating.value},
            {"ci", array_of(system.rating.interval)},
            {"answers", answers},
            {"ratings", system.rating.ratings},
            {"items", system.rating.items},
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

Json json_of(const QuestionScore& score) {
  Json json{{"question", score.question}};
  for (const PairScore& pair : score.pairs) json["pairs"].push_back(json_of(pair));
  if (score.strengths) json["bradley_terry"] = json_of(*score.strengths);
  if (!score.no_strengths.empty()) json["no_bradley_terry"] = score.no_strengths;
  for (const SystemScore& system : score.systems) json["systems"].push_back(json_of(system));
  for (const SystemDifference& pair : score.differences) json["differences"].push_back(json_of(pair));
  if (score.agreement) json["agreement"] = json_of(*score.agreement);
  if (score.side)
    json["side_bias"] = {
        {"left", score.side->left},        {"ci", array_of(score.side->interval)}, {"p", score.side->p},
        {"p_holm", score.side_p_adjusted}, {"biased", score.prefers_side()},       {"votes", score.side->votes}};
  return json;
}

}  // namespace

Json to_json(const StudyScores& scores, const StudyKey& key) {
  Json json{{"answers", scores.answers},           {"items", scores.items},      {"raters", scores.raters},
            {"repeated_answers", scores.repeated}, {"questions", Json::array()}, {"by_item", Json::array()}};
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
            {"median_seconds", rater.median_seconds < 0 ? Json() : Json(rater.median_seconds)}};
  if (!rater.failed.empty()) json["failed"] = rater.failed;
  return json;
}

}  // namespace cigli
