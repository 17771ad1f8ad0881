#include "eval/nlvr1/report.h"

#include <cstdio>

namespace cigli {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const Nlvr1Number& number, bool with_n) {
  Json json;
  json["value"] = number.n > 0 ? Json(number.value) : Json();
  if (with_n) json["n"] = number.n;
  json["ci"] = number.n > 0 ? Json{number.interval.low, number.interval.high} : Json();
  return json;
}

Json to_json(const Nlvr1Truth& truth) {
  return {{"n", truth.n},
          {"sentences", truth.sentences},
          {"generated", to_json(truth.generated, false)},
          {"blank", to_json(truth.blank, false)},
          {"random", to_json(truth.random, false)},
          {"real", to_json(truth.real, false)},
          {"generated_minus_blank", to_json(truth.over_blank, false)},
          {"generated_minus_random", to_json(truth.over_random, false)}};
}

std::string table_line(const std::string& name, const Nlvr1Number& number) {
  char line[160];
  if (number.n == 0)
    std::snprintf(line, sizeof line, "%-34s %8s %18s %8d\n", name.c_str(), "-", "-", 0);
  else
    std::snprintf(line, sizeof line, "%-34s %7.1f%% %7.1f%% - %6.1f%% %8lld\n", name.c_str(), 100 * number.value,
                  100 * number.interval.low, 100 * number.interval.high, static_cast<long long>(number.n));
  return line;
}

std::string table_of(const std::string& rows, const Nlvr1Truth& truth) {
  return table_line("sentence true, " + rows, truth.generated) + table_line("  third box blank", truth.blank) +
         table_line("  third box of another row", truth.random) + table_line("  third box the true one", truth.real) +
         table_line("  generated less blank", truth.over_blank) +
         table_line("  generated less another's", truth.over_random);
}

}  // namespace

Json to_json(const Nlvr1Score& score) {
  Json json;
  json["rows"] = score.verdicts.size();
  json["coverage"] = to_json(score.coverage, true);
  json["truth"] = to_json(score.truth);
  if (score.known) json["in_training"] = to_json(*score.known);
  if (score.unknown) json["not_in_training"] = to_json(*score.unknown);
  json["well_formed"] = to_json(score.well_formed, true);
  json["well_formed_real"] = to_json(score.real_well_formed, true);
  json["fd_items"] = score.fd_items ? Json(*score.fd_items) : Json();
  json["missing"] = score.missing.size();
  json["damaged"] = score.damaged.size();
  json["undescribed"] = score.undescribed.size();
  json["unusable"] = score.faults.size();
  return json;
}

std::string to_table(const Nlvr1Score& score) {
  char line[160];
  std::snprintf(line, sizeof line, "%-34s %8s %18s %8s\n", "nlvr1", "share", "95% interval", "n");
  std::string table = line;
  table += table_of("all rows", score.truth);
  if (score.known) table += table_of("in training", *score.known);
  if (score.unknown) table += table_of("not in training", *score.unknown);
  table += table_line("sentences that the grammar reads", score.coverage);
  table += table_line("blobs that are clear items", score.well_formed);
  table += table_line("  of the true boxes", score.real_well_formed);
  if (score.fd_items) {
    std::snprintf(line, sizeof line, "%-34s %8.3f\n", "Frechet distance of item features", *score.fd_items);
    table += line;
  }
  const auto count = [&](const char* what, std::size_t n) {
    if (n > 0) table += std::string(what) + ": " + std::to_string(n) + "\n";
  };
  count("images missing", score.missing.size());
  count("images damaged", score.damaged.size());
  count("rows without structured_rep", score.undescribed.size());
  count("rows unusable", score.faults.size());
  return table;
}

Json to_json(const Nlvr1Verdict& verdict) {
  const bool judged = verdict.described && !verdict.form.empty();
  const auto truth = [&](bool value) { return judged ? Json(value) : Json(); };
  return {{"id", verdict.id},
          {"sentence", verdict.group},
          {"form", verdict.form.empty() ? Json() : Json(verdict.form)},
          {"generated", truth(verdict.generated)},
          {"blank", truth(verdict.blank)},
          {"random", judged && verdict.random ? Json(*verdict.random) : Json()},
          {"real", truth(verdict.real)},
          {"items", verdict.present ? Json(verdict.items) : Json()},
          {"unclear", verdict.present ? Json(verdict.unclear) : Json()}};
}

}  // namespace cigli
