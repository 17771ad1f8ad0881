#include "eval/efficiency/tax.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <limits>
#include <map>
#include <set>

#include "eval/efficiency/operator_replay.h"
#include "runtime/error.h"
#include "runtime/philox.h"
#include "runtime/text.h"

namespace cigli {
namespace {

double middle_value(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

struct Line {
  double fixed, per_item, residual;
};

// Minimises sum ((T - fixed - per_item b) / T)^2: with u = 1 / T and v = b / T, that of (1 - fixed u - per_item v)^2.
// It is convex, so where the free minimum has a negative part, the best lies where one of the two is 0.
Line fitted_line(const std::vector<std::pair<double, double>>& points) {
  double uu = 0, uv = 0, vv = 0, u1 = 0, v1 = 0;
  for (const auto& [batch, seconds] : points) {
    const double u = 1 / seconds, v = batch / seconds;
    uu += u * u;
    uv += u * v;
    vv += v * v;
    u1 += u;
    v1 += v;
  }
  const double determinant = uu * vv - uv * uv;
  const auto line = [&](double fixed, double per_item) {
    double sum = 0;
    for (const auto& [batch, seconds] : points) sum += std::pow(1 - (fixed + per_item * batch) / seconds, 2);
    return Line{fixed, per_item, std::sqrt(sum / static_cast<double>(points.size()))};
  };
  const Line free = line((u1 * vv - v1 * uv) / determinant, (v1 * uu - u1 * uv) / determinant);
  if (free.fixed >= 0 && free.per_item >= 0) return free;
  const Line through_zero = line(0, v1 / vv), flat = line(u1 / uu, 0);
  return through_zero.residual <= flat.residual ? through_zero : flat;
}

// The fixed part's share of one item, which is finite where the crossover is not, and the way back.
double fixed_share(const Line& line) { return line.fixed / (line.fixed + line.per_item); }
double crossover_of(double share) { return share < 1 ? share / (1 - share) : std::numeric_limits<double>::infinity(); }

std::vector<double> timed_passes(const std::function<void()>& pass, double budget) {
  using Clock = std::chrono::steady_clock;
  constexpr std::size_t least = 3;
  std::vector<double> seconds;
  for (double spent = 0; seconds.size() < least || spent < budget; spent += seconds.back()) {
    const auto begin = Clock::now();
    pass();
    seconds.push_back(std::chrono::duration<double>(Clock::now() - begin).count());
  }
  return seconds;
}

std::vector<OperatorCost> costs_of(std::vector<OperatorCall> calls) {
  std::vector<OperatorCost> costs;
  std::map<std::string, std::size_t> places;
  for (OperatorCall& call : calls) {
    const std::string key = call.name + "." + call.overload + "(" + input_text(call) + ")";
    const auto [place, is_new] = places.emplace(key, costs.size());
    if (is_new) costs.emplace_back();
    OperatorCost& cost = costs[place->second];
    cost.flops += operator_flops(call);
    cost.bytes += operator_bytes(call);
    cost.seconds += call.seconds;
    if (++cost.calls == 1) cost.call = std::move(call);
  }
  std::sort(costs.begin(), costs.end(),
            [](const OperatorCost& a, const OperatorCost& b) { return a.seconds > b.seconds; });
  return costs;
}

// The rate that a cost is held against, or 0 where it was not measured.
double roof_of(const OperatorCost& cost, const MachineRoofs& roofs) {
  if (cost.flops == 0) return roofs.copy;
  const torch::ScalarType type = operator_type(cost.call);
  const bool convolves = cost.call.name.find("convolution") != std::string::npos;
  const auto rate = [&](const ComputeRoofs& of_type) { return convolves ? of_type.convolution : of_type.gemm; };
  if (type == torch::kFloat32) return rate(roofs.fp32);
  return type == torch::kBFloat16 && roofs.bf16 ? rate(*roofs.bf16) : 0;
}

void judge_cost(OperatorCost& cost, const TaxOptions& options) {
  const double roof = roof_of(cost, options.roofs), work = cost.flops > 0 ? cost.flops : cost.bytes;
  if (roof > 0 && work > 0 && cost.seconds > 0) cost.of_roof = work / cost.seconds / roof;
  if (cost.call.kind == OperatorKind::arithmetic) cost.ideal = std::min(cost.seconds, cost.bytes / options.roofs.copy);
  if (cost.call.kind != OperatorKind::layer) return;
  const auto replayed = replay_operator(cost.call, {options.allow_bf16, options.replay_seconds});
  cost.kernel = replayed ? replayed->kernel : "as it ran";
  cost.ideal = replayed ? replayed->seconds * static_cast<double>(cost.calls) : cost.seconds;
}

}  // namespace

LatencyFit fit_latency(const std::vector<LatencySample>& samples, const BootstrapOptions& bootstrap) {
  std::set<std::int64_t> sizes;
  for (const LatencySample& sample : samples) {
    sizes.insert(sample.batch);
    if (sample.seconds.empty() || !(*std::min_element(sample.seconds.begin(), sample.seconds.end()) > 0))
      throw Error("a fit of latencies needs seconds above 0 for each batch size");
  }
  if (sizes.size() < 2) throw Error("a fit of latencies needs two batch sizes at least");

  std::vector<std::pair<double, double>> points;
  for (const LatencySample& sample : samples)
    points.emplace_back(static_cast<double>(sample.batch), middle_value(sample.seconds));
  const Line line = fitted_line(points);
  std::vector<double> fixed, per_item, shares;
  for (std::int64_t r = 0; r < bootstrap.resamples; ++r) {
    Philox random(bootstrap.seed, static_cast<std::uint64_t>(r));
    for (std::size_t i = 0; i < samples.size(); ++i) {
      std::vector<double> drawn;
      for (std::size_t k = 0; k < samples[i].seconds.size(); ++k)
        drawn.push_back(samples[i].seconds[random.below(samples[i].seconds.size())]);
      points[i].second = middle_value(std::move(drawn));
    }
    const Line again = fitted_line(points);
    fixed.push_back(again.fixed);
    per_item.push_back(again.per_item);
    shares.push_back(fixed_share(again));
  }
  const Interval share = middle_of(std::move(shares), bootstrap.level);
  return {line.fixed,
          line.per_item,
          crossover_of(fixed_share(line)),
          line.residual,
          middle_of(std::move(fixed), bootstrap.level),
          middle_of(std::move(per_item), bootstrap.level),
          {crossover_of(share.low), crossover_of(share.high)}};
}

TaxReport measure_tax(const std::function<void()>& pass, const TaxOptions& options) {
  TaxReport report;
  pass();
  // Half before and half after what follows, so that a machine that grows slower does so for both.
  report.seconds = timed_passes(pass, options.seconds / 2);
  OperatorTrace trace = trace_operators(pass);
  report.recorded = trace.seconds;
  report.operators = trace.operators;
  report.composite_share = trace.composite_seconds / trace.seconds;
  report.outside_share = trace.outside_seconds / trace.seconds;
  report.costs = costs_of(std::move(trace.calls));
  for (OperatorCost& cost : report.costs) {
    cost.share = cost.seconds / report.recorded;
    report.shares.at(static_cast<std::size_t>(cost.call.kind)) += cost.share;
    judge_cost(cost, options);
    report.ideal += cost.ideal;
  }
  const std::vector<double> after = timed_passes(pass, options.seconds / 2);
  report.seconds.insert(report.seconds.end(), after.begin(), after.end());
  report.measured = middle_value(report.seconds);
  report.tax = 1 - report.ideal / report.measured;
  return report;
}

namespace {

std::string digits(double value, int decimals) {
  char text[48];
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  return text;
}

std::string percents(double share) { return digits(100 * share, share != 0 && std::fabs(share) < 0.01 ? 1 : 0) + " %"; }

double share_of(const TaxReport& report, OperatorKind kind) { return report.shares.at(static_cast<std::size_t>(kind)); }

// Share of the time that products in a type take.
double product_share(const TaxReport& report, torch::ScalarType type) {
  double share = 0;
  for (const OperatorCost& cost : report.costs)
    if (cost.flops > 0 && operator_type(cost.call) == type) share += cost.share;
  return share;
}

}  // namespace

std::string tax_advice(const TaxReport& report, const TaxOptions& options, std::int64_t batch,
                       const std::optional<LatencyFit>& fit) {
  if (report.tax <= 0.1)
    return "reaches " + percents(1 - report.tax) + " of what its layers can do alone: only fewer operations help";
  if (fit && fit->crossover > static_cast<double>(batch))
    return std::isinf(fit->crossover)
               ? "framework-bound at every batch size that was measured: batch more"
               : "framework-bound below batch " + digits(std::ceil(fit->crossover), 0) + ": batch more";
  const MachineRoofs& roofs = options.roofs;
  const double faster = roofs.bf16 ? roofs.bf16->gemm / roofs.fp32.gemm : 1;
  if (options.allow_bf16 && faster >= 1.5 && product_share(report, torch::kFloat32) >= 0.3)
    return "float32 where bfloat16's products run " + digits(faster, 1) + " times as fast: --precision bf16";
  if (faster <= 1 / 1.5 && product_share(report, torch::kBFloat16) >= 0.3)
    return "bfloat16 where float32's products run " + digits(1 / faster, 1) + " times as fast: --precision fp32";
  const auto loss = [](const OperatorCost& cost) {
    return cost.seconds > 0 ? cost.share * (1 - cost.ideal / cost.seconds) : 0;
  };
  double layers = 0, arithmetic = 0;
  const OperatorCost* worst = nullptr;
  for (const OperatorCost& cost : report.costs) {
    if (cost.call.kind == OperatorKind::arithmetic) arithmetic += loss(cost);
    if (cost.call.kind != OperatorKind::layer) continue;
    layers += loss(cost);
    if (!worst || loss(cost) > loss(*worst)) worst = &cost;
  }
  const double movement = share_of(report, OperatorKind::movement), outside = report.outside_share;
  const double dispatch = report.composite_share + share_of(report, OperatorKind::view);
  const double most = std::max({layers, arithmetic, movement, outside, dispatch});
  if (worst && most == layers)
    return worst->call.name + " (" + clipped(tensors_text(worst->call), 60) +
           ") loses most: " + digits(1e3 * (worst->seconds - worst->ideal), 2) + " of its " +
           digits(1e3 * worst->seconds, 2) + " ms against running alone (" + worst->kernel + ")";
  if (most == arithmetic)
    return percents(arithmetic) +
           " of the time is arithmetic beyond what its bytes take: fuse it with what surrounds it";
  if (most == movement)
    return percents(movement) + " of the time moves data: keep one layout and one type from end to end";
  if (most == outside)
    return percents(outside) + " of the time is in no operator: look at the code between them, and mark own kernels";
  return percents(dispatch) +
         " of the time goes into views, allocation and calls of other operators: use fewer, larger ones";
}

nlohmann::ordered_json to_json(const LatencyFit& fit) {
  const auto pair = [](const Interval& interval) {  // dumping an infinite number gives null
    return nlohmann::ordered_json{interval.low, interval.high};
  };
  return {{"fixed", fit.fixed},         {"fixed_ci", pair(fit.fixed_interval)},
          {"per_item", fit.per_item},   {"per_item_ci", pair(fit.per_item_interval)},
          {"crossover", fit.crossover}, {"crossover_ci", pair(fit.crossover_interval)},
          {"residual", fit.residual}};
}

nlohmann::ordered_json to_json(const TaxReport& report) {
  nlohmann::ordered_json shares, calls = nlohmann::ordered_json::array();
  for (const OperatorKind kind :
       {OperatorKind::layer, OperatorKind::arithmetic, OperatorKind::movement, OperatorKind::view})
    shares[name(kind)] = share_of(report, kind);
  shares["composite"] = report.composite_share;
  shares["outside"] = report.outside_share;
  for (const OperatorCost& cost : report.costs) {
    nlohmann::ordered_json row{{"operator", cost.call.name},
                               {"overload", cost.call.overload},
                               {"inputs", input_text(cost.call)},
                               {"kind", name(cost.call.kind)},
                               {"calls", cost.calls},
                               {"seconds", cost.seconds},
                               {"share", cost.share},
                               {"flops", cost.flops},
                               {"bytes", cost.bytes},
                               {"of_roof", nullptr},
                               {"ideal", cost.ideal}};
    if (cost.of_roof) row["of_roof"] = *cost.of_roof;
    if (!cost.kernel.empty()) row["kernel"] = cost.kernel;
    calls.push_back(std::move(row));
  }
  return {{"measured", report.measured}, {"passes", report.seconds},      {"ideal", report.ideal}, {"tax", report.tax},
          {"recorded", report.recorded}, {"operators", report.operators}, {"shares", shares},      {"calls", calls}};
}

std::string summary_text(const TaxReport& report) {
  const auto share = [&](OperatorKind kind) { return percents(share_of(report, kind)); };
  return "measured " + digits(1e3 * report.measured, 2) + " ms, ideal " + digits(1e3 * report.ideal, 2) + " ms, tax " +
         percents(report.tax) + ", " + std::to_string(report.operators) + " operators\nlayers " +
         share(OperatorKind::layer) + ", arithmetic " + share(OperatorKind::arithmetic) + ", movement " +
         share(OperatorKind::movement) + ", views " + share(OperatorKind::view) + ", operators that call others " +
         percents(report.composite_share) + ", outside of operators " + percents(report.outside_share) + "\n";
}

std::vector<OperatorLine> operator_lines(const TaxReport& report, std::size_t rows) {
  std::vector<OperatorLine> lines{
      {"operator", "calls", "ms", "share", "GFLOP/s", "GB/s", "roof", "ideal ms", "best", "inputs"}};
  for (std::size_t i = 0; i < std::min(rows, report.costs.size()); ++i) {
    const OperatorCost& cost = report.costs[i];
    const auto rate = [&](double work) { return work > 0 ? digits(work / cost.seconds / 1e9, 1) : ""; };
    lines.push_back({clipped(short_name(cost.call), 32), std::to_string(cost.calls), digits(1e3 * cost.seconds, 3),
                     percents(cost.share), rate(cost.flops), rate(cost.bytes),
                     cost.of_roof ? percents(*cost.of_roof) : "", digits(1e3 * cost.ideal, 3), cost.kernel,
                     clipped(tensors_text(cost.call), 60)});
  }
  return lines;
}

std::string as_they_ran(const TaxReport& report) {
  std::set<std::string> names;
  for (const OperatorCost& cost : report.costs)
    if (cost.kernel == "as it ran") names.insert(cost.call.name);
  std::string list;
  for (const std::string& each : names) list += (list.empty() ? "" : ", ") + each;
  return list;
}

std::string to_table(const TaxReport& report, std::size_t rows) {
  std::string table = summary_text(report) + "\n";
  for (const OperatorLine& cells : operator_lines(report, rows)) {
    char text[256];
    std::snprintf(text, sizeof text, "%-32s %6s %9s %6s %8s %7s %6s %9s  %-11s ", cells[0].c_str(), cells[1].c_str(),
                  cells[2].c_str(), cells[3].c_str(), cells[4].c_str(), cells[5].c_str(), cells[6].c_str(),
                  cells[7].c_str(), cells[8].c_str());
    table += text + cells[9] + "\n";
  }
  const std::string list = as_they_ran(report);
  return list.empty() ? table : table + "\ncan't be run alone, counted as they ran: " + list + "\n";
}

}  // namespace cigli
