#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "eval/efficiency/operator_trace.h"
#include "eval/efficiency/roofs.h"
#include "eval/interval.h"

namespace cigli {

// Seconds of a pass over `batch` items, several times.
struct LatencySample {
  std::int64_t batch = 1;
  std::vector<double> seconds;
};

// T(b) = fixed + per_item b, neither below 0: least squares of relative errors over the samples' medians. Below the
// crossover the fixed part is the greater: the pass is bound by the framework, not by computing (Fernandez et al. 2023,
// "The Framework Tax"). Intervals draw each sample's seconds anew (percentile bootstrap).
struct LatencyFit {
  double fixed = 0, per_item = 0;  // seconds
  double crossover = 0;            // fixed / per_item, items; infinite where per_item is 0
  double residual = 0;             // root mean square of the relative errors
  Interval fixed_interval, per_item_interval, crossover_interval;
};
// Throws Error unless there are two batch sizes, each with seconds above 0.
LatencyFit fit_latency(const std::vector<LatencySample>& samples, const BootstrapOptions& bootstrap = {});

struct TaxOptions {
  MachineRoofs roofs;
  bool allow_bf16 = false;       // whether a layer's best may be bfloat16 where the pass computes in float32
  double seconds = 1;            // for timing the pass; at least 6 times
  double replay_seconds = 0.03;  // for each way of running a layer alone
};

// What calls of one operator on inputs of one kind took, and could take. Totals are of all its calls in a pass.
struct OperatorCost {
  OperatorCall call;  // the first
  std::int64_t calls = 0;
  double seconds = 0;
  double share = 0;  // of the recorded pass
  double flops = 0, bytes = 0;
  std::optional<double> of_roof;  // rate by the machine's: flops where there are any, else bytes; none for idle calls
  double ideal = 0;               // seconds
  std::string kernel;             // of a layer's best, see ReplayedOperator; "as it ran" where it can't run alone
};

// tax = 1 - ideal / measured, where ideal is what the operators need at least: a layer its best time alone, arithmetic
// its bytes at the copy's rate (or what it took, where caches made it faster), movement and views nothing.
struct TaxReport {
  std::vector<double> seconds;  // of each timed pass, nothing being recorded
  double measured = 0;          // their median
  double ideal = 0, tax = 0;
  double recorded = 0;              // seconds of the recorded pass, of which the shares are
  std::int64_t operators = 0;       // dispatched in a pass, see OperatorTrace
  std::array<double, 4> shares{};   // by OperatorKind
  double composite_share = 0;       // of operators that only call others
  double outside_share = 0;         // of no operator
  std::vector<OperatorCost> costs;  // the greatest first
};

// Runs the pass to time it, records it (of three times the middle one), and runs its operators alone.
TaxReport measure_tax(const std::function<void()>& pass, const TaxOptions& options);

// The one thing to do first, in a line, of the report of a pass over `batch` items.
std::string tax_advice(const TaxReport& report, const TaxOptions& options, std::int64_t batch,
                       const std::optional<LatencyFit>& fit);

nlohmann::ordered_json to_json(const LatencyFit& fit);  // an infinite crossover is null
nlohmann::ordered_json to_json(const TaxReport& report);
// Two lines: what a pass took and its tax, and which kinds of operators took it.
std::string summary_text(const TaxReport& report);
// What the columns are called, then the first `rows` operators.
using OperatorLine = std::vector<std::string>;
std::vector<OperatorLine> operator_lines(const TaxReport& report, std::size_t rows);
// Names of the layers that can't be run alone, so that the ideal holds what they took.
std::string as_they_ran(const TaxReport& report);
// All three as text.
std::string to_table(const TaxReport& report, std::size_t rows);

}  // namespace cigli
