#include "eval/efficiency/benchmark.h"

#include <algorithm>
#include <cmath>

#include "runtime/error.h"

namespace cigli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kDriftCalls = 200;  // of a round, from which a twentieth says something

std::vector<TimedRound> calls_of(const SystemRounds& system) {
  std::vector<TimedRound> rounds;
  for (const RoundRecord& record : system.rounds) rounds.push_back(record.calls);
  return rounds;
}

std::optional<MeasuredFigure> drift_of(const std::vector<TimedRound>& rounds, const BootstrapOptions& bootstrap) {
  std::vector<TimedRound> first, last;
  for (const TimedRound& round : rounds) {
    if (round.size() < kDriftCalls) return std::nullopt;
    const auto part = static_cast<std::ptrdiff_t>(round.size() / 20);
    first.emplace_back(round.begin(), round.begin() + part);
    last.emplace_back(round.end() - part, round.end());
  }
  return throughput_ratio(first, last, bootstrap);
}

double median_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

void add_rounds(SystemSummary& summary, const SystemRounds& system) {
  std::vector<double> starts;
  double cpu = 0;
  for (const RoundRecord& record : system.rounds) {
    summary.calls += static_cast<std::int64_t>(record.calls.size());
    for (const CallTiming& call : record.calls) summary.images += call.images;
    summary.rounds.push_back(throughput({record.calls}, {0.95, 1, 0}).value);
    starts.push_back(record.start_seconds);
    cpu += record.cpu_seconds;
    summary.peak_bytes = std::max(summary.peak_bytes, record.peak_bytes);
    const std::uint64_t over = record.peak_bytes - std::min(record.peak_bytes, record.baseline_bytes);
    summary.over_baseline_bytes = std::max(summary.over_baseline_bytes, over);
    const std::int64_t growth =
        static_cast<std::int64_t>(record.resident_bytes) - static_cast<std::int64_t>(record.first_resident_bytes);
    summary.growth_bytes = &record == &system.rounds.front() ? growth : std::max(summary.growth_bytes, growth);
    summary.energy.source = record.energy.source;
    if (record.energy.joules) summary.energy.joules = summary.energy.joules.value_or(0) + *record.energy.joules;
  }
  const auto images = static_cast<double>(summary.images);
  summary.start_seconds = median_of(starts);
  summary.cpu_seconds_per_image = cpu / images;
  if (summary.energy.joules) *summary.energy.joules /= images;
}

SystemSummary summary_of(const std::string& scenario, const SystemRounds& system, const BootstrapOptions& bootstrap) {
  if (system.rounds.empty()) throw Error(system.name + ": no round was measured");
  const std::vector<TimedRound> rounds = calls_of(system);
  SystemSummary summary;
  summary.name = system.name;
  summary.command = system.command;
  summary.title = system.rounds.back().title;
  summary.details = system.rounds.back().details;
  add_rounds(summary, system);
  summary.p50 = latency_at(rounds, 0.5, bootstrap);
  summary.p90 = latency_at(rounds, 0.9, bootstrap);
  summary.p99 = latency_at(rounds, 0.99, bootstrap);
  summary.images_per_second = throughput(rounds, bootstrap);
  summary.drift = drift_of(rounds, bootstrap);
  if (scenario == "training") summary.loss = system.rounds.back().loss;
  summary.quality = system.quality;
  return summary;
}

Json figure_json(const std::optional<MeasuredFigure>& figure) {
  if (!figure) return {};
  Json json{{"value", figure->value}, {"ci", nullptr}};
  if (figure->interval) json["ci"] = {figure->interval->low, figure->interval->high};
  return json;
}

Json quality_json(const std::optional<BenchmarkQuality>& quality) {
  if (!quality) return {};
  Json json{{"metric", quality->metric}, {"value", quality->value}, {"ci", nullptr}, {"n", quality->n}};
  if (quality->interval) json["ci"] = {quality->interval->low, quality->interval->high};
  return json;
}

}  // namespace

bool passes_gate(const std::optional<BenchmarkQuality>& quality, const std::optional<double>& gate) {
  if (!quality || !gate) return false;
  return quality->metric == "consistency" ? quality->value >= *gate : quality->value <= *gate;
}

std::vector<SystemSummary> summarize(const std::string& scenario, const std::vector<SystemRounds>& systems,
                                     const std::optional<double>& gate, const BootstrapOptions& bootstrap) {
  const bool training = scenario == "training";
  const auto admitted = [&](const SystemSummary& summary) { return training || passes_gate(summary.quality, gate); };
  std::vector<SystemSummary> summaries;
  for (const SystemRounds& system : systems) summaries.push_back(summary_of(scenario, system, bootstrap));
  for (std::size_t i = 0; i < summaries.size(); ++i) {
    SystemSummary& summary = summaries[i];
    if (!admitted(summary)) continue;
    if (i > 0 && admitted(summaries[0]))
      summary.ratio = throughput_ratio(calls_of(systems[i]), calls_of(systems[0]), bootstrap);
    if (training) continue;
    summary.rank = 1 + std::count_if(summaries.begin(), summaries.end(), [&](const SystemSummary& other) {
                     return admitted(other) && other.images_per_second.value > summary.images_per_second.value;
                   });
  }
  return summaries;
}

Json to_json(const SystemSummary& summary) {
  Json json{{"name", summary.name},
            {"command", summary.command},
            {"title", summary.title},
            {"details", summary.details},
            {"calls", summary.calls},
            {"images", summary.images},
            {"latency_seconds",
             {{"p50", figure_json(summary.p50)}, {"p90", figure_json(summary.p90)}, {"p99", figure_json(summary.p99)}}},
            {"images_per_second", figure_json(summary.images_per_second)},
            {"rounds_images_per_second", summary.rounds},
            {"start_seconds", summary.start_seconds},
            {"peak_bytes", summary.peak_bytes},
            {"over_baseline_bytes", summary.over_baseline_bytes},
            {"growth_bytes", summary.growth_bytes},
            {"cpu_seconds_per_image", summary.cpu_seconds_per_image},
            {"energy_source", summary.energy.source},
            {"joules_per_image", summary.energy.joules ? Json(*summary.energy.joules) : Json()},
            {"drift", figure_json(summary.drift)}};
  if (summary.loss) json["loss"] = *summary.loss;
  json["quality"] = quality_json(summary.quality);
  json["rank"] = summary.rank ? Json(*summary.rank) : Json();
  json["ratio_to_first"] = figure_json(summary.ratio);
  return json;
}

}  // namespace cigli
