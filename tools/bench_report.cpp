#include "tools/bench_report.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "runtime/files.h"
#include "runtime/text.h"
#include "tools/interval_axis.h"
#include "tools/report_page.h"

namespace cigli {
namespace {

using Json = nlohmann::ordered_json;

std::string with_interval(const MeasuredFigure& figure, double scale) {
  std::string text = short_number(scale * figure.value);
  if (figure.interval)
    text +=
        " [" + short_number(scale * figure.interval->low) + ", " + short_number(scale * figure.interval->high) + "]";
  return text;
}

std::string figure_text(const std::optional<MeasuredFigure>& figure, double scale) {
  return figure ? with_interval(*figure, scale) : "–";
}

std::string megabytes(double bytes) { return short_number(std::round(bytes / 1e5) / 10); }

std::string quality_text(const std::optional<BenchmarkQuality>& quality) {
  if (!quality) return "–";
  return quality->metric + " " + with_interval({quality->value, quality->interval}, 1) +
         ", n = " + std::to_string(quality->n);
}

std::string energy_text(const Energy& energy) {
  return energy.joules ? short_number(*energy.joules) + " (" + energy.source + ")" : energy.source;
}

// A line a system, under a line of names.
std::vector<TableLine> lines_of(const ScenarioReport& report, const std::optional<double>& gate) {
  const bool training = report.options.scenario == "training";
  std::vector<TableLine> lines{{"system", "images/s", training ? "loss" : "quality", "standing", "p50 ms", "p90 ms",
                                "p99 ms", "start s", "peak MB", "over baseline MB", "CPU s/image", "J/image"}};
  for (const SystemSummary& s : report.summaries)
    lines.push_back({s.name, with_interval(s.images_per_second, 1),
                     s.loss ? short_number(*s.loss) : quality_text(s.quality), standing(s, gate, training),
                     figure_text(s.p50, 1e3), figure_text(s.p90, 1e3), figure_text(s.p99, 1e3),
                     short_number(s.start_seconds), megabytes(static_cast<double>(s.peak_bytes)),
                     megabytes(static_cast<double>(s.over_baseline_bytes)), short_number(s.cpu_seconds_per_image),
                     energy_text(s.energy)});
  return lines;
}

// Characters as they stand in a line, not bytes.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string aligned(const std::vector<TableLine>& lines) {
  std::vector<std::size_t> widths(lines[0].size());
  for (const TableLine& line : lines)
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], width_of(line[i]));
  std::string text;
  for (const TableLine& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i)
      text += i + 1 < line.size() ? line[i] + std::string(widths[i] - width_of(line[i]) + 2, ' ') : line[i];
    text += "\n";
  }
  return text;
}

std::string conditions_of(const ScenarioReport& report) {
  const ScenarioOptions& o = report.options;
  std::string text = std::to_string(report.rounds) + (report.rounds == 1 ? " round of " : " rounds of ") +
                     std::to_string(o.calls) + " calls after " + std::to_string(o.warmup) + " to warm up";
  if (o.scenario == "fixed-batch") text += ", " + std::to_string(o.batch_size) + " requests a call";
  if (o.scenario == "random-batch")
    text += ", Poisson's number of requests a call, " + std::to_string(o.batch_size) + " on average";
  if (o.scenario == "offline") text += ", all requests in one";
  if (o.scenario == "training") text += ", " + std::to_string(o.steps_per_call) + " steps a call";
  return text;
}

// What else should be known of the figures: rounds that differ, cost that drifts, memory that grows.
std::vector<std::string> remarks_of(const ScenarioReport& report) {
  constexpr double kSpread = 0.05;
  std::vector<std::string> remarks;
  for (const SystemSummary& s : report.summaries) {
    const auto [low, high] = std::minmax_element(s.rounds.begin(), s.rounds.end());
    if (*high / *low > 1 + kSpread)
      remarks.push_back(s.name + ": rounds between " + short_number(*low) + " and " + short_number(*high) +
                        " images/s; the machine was not quiet, or the system isn't steady");
    if (s.drift)
      remarks.push_back(s.name + ": the last twentieth of a round's calls cost " + with_interval(*s.drift, 1) +
                        " times the first; " + megabytes(static_cast<double>(s.growth_bytes)) +
                        " MB more were resident after the last call than before the first");
  }
  return remarks;
}

std::string gate_text(const std::optional<double>& gate) {
  return gate ? "Quality gate: " + short_number(*gate) + "."
              : "No quality gate was stated (--gate): nothing is ranked.";
}

std::vector<double> sorted_latencies(const SystemRounds& system) {
  std::vector<double> seconds;
  for (const RoundRecord& round : system.rounds)
    for (const CallTiming& call : round.calls) seconds.push_back(call.seconds);
  std::sort(seconds.begin(), seconds.end());
  return seconds;
}

// Share of calls that are answered within so many seconds, a line a system over a logarithmic scale of time.
std::string latency_chart(const ScenarioReport& report) {
  constexpr double left = 50, width = 560, top = 14, height = 200;
  constexpr std::size_t points = 200;
  struct Stroke {
    const char *colour, *dashes;
  };
  constexpr std::array<Stroke, 8> strokes = {{{"#0a4c9b", "none"},
                                              {"#b3471d", "7 3"},
                                              {"#2f7d32", "2 3"},
                                              {"#7a3e9d", "9 3 2 3"},
                                              {"#5f5f5f", "4 6"},
                                              {"#00808a", "12 4"},
                                              {"#a3195b", "none"},
                                              {"#8a6d00", "9 3 2 3 2 3"}}};
  double low = INFINITY, high = 0;
  for (const SystemRounds& system : report.systems) {
    const std::vector<double> seconds = sorted_latencies(system);
    low = std::min(low, seconds.front());
    high = std::max(high, seconds.back());
  }
  low = std::max(low * 0.95, 1e-9);
  high *= 1.05;
  const auto x = [&](double seconds) { return left + width * std::log(seconds / low) / std::log(high / low); };
  const auto y = [&](double share) { return top + height * (1 - share); };
  char part[200];
  std::string svg = "<svg role=\"img\" aria-label=\"share of calls answered within a time\" viewBox=\"0 0 640 " +
                    std::to_string(260 + 16 * report.systems.size()) + "\" style=\"max-width:48em\">";
  for (const double share : {0.0, 0.5, 0.9, 1.0}) {
    std::snprintf(part, sizeof part,
                  "<line x1=\"%.0f\" x2=\"%.0f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/><text x=\"%.0f\" y=\"%.1f\" "
                  "text-anchor=\"end\">%.0f %%</text>",
                  left, left + width, y(share), y(share), left - 6, y(share) + 4, 100 * share);
    svg += part;
  }
  for (const double seconds : {low, std::sqrt(low * high), high}) {
    std::snprintf(part, sizeof part, "<text x=\"%.1f\" y=\"%.0f\" text-anchor=\"middle\">%s ms</text>", x(seconds),
                  top + height + 18, short_number(1e3 * seconds).c_str());
    svg += part;
  }
  for (std::size_t s = 0; s < report.systems.size(); ++s) {
    const std::vector<double> seconds = sorted_latencies(report.systems[s]);
    const std::size_t shown = std::min(points, seconds.size());
    std::string line;
    for (std::size_t i = 0; i < shown; ++i) {
      const std::size_t place = shown == 1 ? 0 : i * (seconds.size() - 1) / (shown - 1);
      const auto n = static_cast<double>(seconds.size());
      std::snprintf(part, sizeof part, "%.1f,%.1f %.1f,%.1f ", x(seconds[place]), y(static_cast<double>(place) / n),
                    x(seconds[place]), y(static_cast<double>(place + 1) / n));
      line += part;
    }
    const Stroke& stroke = strokes[s % strokes.size()];
    const std::string look = std::string(" stroke=\"") + stroke.colour + "\" stroke-width=\"2\" stroke-dasharray=\"" +
                             stroke.dashes + "\" fill=\"none\"";
    const double legend = top + height + 40 + 16 * static_cast<double>(s);
    std::snprintf(part, sizeof part, "<line x1=\"%.0f\" x2=\"%.0f\" y1=\"%.0f\" y2=\"%.0f\"", left, left + 34, legend,
                  legend);
    svg += "<polyline points=\"" + line + "\"" + look + "/>" + part + look + "/>";
    std::snprintf(part, sizeof part, "<text x=\"%.0f\" y=\"%.0f\">", left + 42, legend + 4);
    svg += part + escape_html(report.systems[s].name) + "</text>";
  }
  return "<h3>Share of calls answered within a time</h3>\n" + svg + "</svg>\n";
}

// What is known of a machine or a system, in a line.
std::string facts_text(const Json& facts) {
  std::string text;
  for (const auto& [key, value] : facts.items()) {
    std::string name = key;
    std::replace(name.begin(), name.end(), '_', ' ');
    text += (text.empty() ? "" : "; ") + name + ": " + (value.is_string() ? value.get<std::string>() : value.dump());
  }
  return text;
}

}  // namespace

std::string standing(const SystemSummary& summary, const std::optional<double>& gate, bool training) {
  const std::string ratio = summary.ratio ? with_interval(*summary.ratio, 1) + " times the first" : "";
  if (training) return ratio.empty() ? "–" : ratio;
  if (!gate) return "not ranked: no gate";
  if (!summary.quality) return "not ranked: quality unknown";
  if (!summary.rank) return "below the gate";
  return "rank " + std::to_string(*summary.rank) + (ratio.empty() ? "" : ", " + ratio);
}

std::string bench_table(const BenchReport& report) {
  std::string text;
  for (const ScenarioReport& scenario : report.scenarios) {
    text += (text.empty() ? "" : "\n") + scenario.options.scenario + ": " + conditions_of(scenario) + "\n" +
            aligned(lines_of(scenario, report.gate));
    for (const std::string& remark : remarks_of(scenario)) text += remark + "\n";
  }
  return text + "\n" + gate_text(report.gate) + "\n";
}

Json bench_json(const BenchReport& report) {
  Json json{{"machine", report.machine}, {"gate", report.gate ? Json(*report.gate) : Json()}};
  json["scenarios"] = Json::array();
  for (const ScenarioReport& scenario : report.scenarios) {
    const ScenarioOptions& o = scenario.options;
    Json one{{"scenario", o.scenario}, {"rounds", scenario.rounds},  {"calls", o.calls},
             {"warmup", o.warmup},     {"batch_size", o.batch_size}, {"steps_per_call", o.steps_per_call},
             {"seed", o.seed}};
    for (const SystemSummary& summary : scenario.summaries) one["systems"].push_back(to_json(summary));
    json["scenarios"].push_back(std::move(one));
  }
  return json;
}

std::string bench_latencies(const BenchReport& report) {
  const auto quoted = [](const std::string& name) {
    std::string text = "\"";
    for (const char c : name) text += c == '"' ? "\"\"" : std::string(1, c);
    return text + "\"";
  };
  std::string csv = "scenario,system,round,call,images,seconds\n";
  for (const ScenarioReport& scenario : report.scenarios)
    for (const SystemRounds& system : scenario.systems)
      for (std::size_t round = 0; round < system.rounds.size(); ++round)
        for (std::size_t i = 0; i < system.rounds[round].calls.size(); ++i) {
          const CallTiming& call = system.rounds[round].calls[i];
          char numbers[96];
          std::snprintf(numbers, sizeof numbers, ",%zu,%zu,%lld,%.9f\n", round, i, static_cast<long long>(call.images),
                        call.seconds);
          csv += scenario.options.scenario + "," + quoted(system.name) + numbers;
        }
  return csv;
}

void write_bench_page(const std::string& file, const BenchReport& report) {
  std::string body = "<p>" + escape_html(facts_text(report.machine)) + "</p>\n<p>" +
                     escape_html(gate_text(report.gate)) + " Brackets hold 95 % intervals.</p>\n";
  for (const ScenarioReport& scenario : report.scenarios) {
    body += "<h2>" + escape_html(scenario.options.scenario) + "</h2>\n" +
            report_table(lines_of(scenario, report.gate), conditions_of(scenario)) + latency_chart(scenario);
    for (const std::string& remark : remarks_of(scenario)) body += "<p>" + escape_html(remark) + "</p>\n";
    std::string commands;
    for (const SystemSummary& s : scenario.summaries)
      commands += "<dt>" + escape_html(s.name + ", " + s.title) + "<dd><code>" + escape_html(s.command) +
                  "</code><dd>" + escape_html(facts_text(s.details)) + "\n";
    body += "<dl>" + commands + "</dl>\n";
  }
  write_file(file, report_page("How fast, and how good", body));
}

}  // namespace cigli
