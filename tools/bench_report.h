#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "eval/efficiency/benchmark.h"

namespace cigli {

// A scenario's systems as `cigli bench` has measured them.
struct ScenarioReport {
  ScenarioOptions options;
  std::int64_t rounds = 0;
  std::vector<SystemRounds> systems;
  std::vector<SystemSummary> summaries;  // one a system
};

struct BenchReport {
  nlohmann::ordered_json machine;
  std::optional<double> gate;
  std::vector<ScenarioReport> scenarios;
};

// What the gate says of a system: its rank, or why it has none.
std::string standing(const SystemSummary& summary, const std::optional<double>& gate, bool training);

std::string bench_table(const BenchReport& report);
nlohmann::ordered_json bench_json(const BenchReport& report);
// scenario,system,round,call,images,seconds: a line a measured call, under a line of names.
std::string bench_latencies(const BenchReport& report);
void write_bench_page(const std::string& file, const BenchReport& report);

}  // namespace cigli
