#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "eval/efficiency/scenario.h"

namespace cigli {

// How good a system's images are, beside how fast they came.
struct BenchmarkQuality {
  // "consistency", higher is better; or a Fréchet distance, lower is: "fd_dataset", or "fd_dataset corrected" (for the
  // bias of few images)
  std::string metric;
  double value = 0;
  std::optional<Interval> interval;  // about the value
  std::int64_t n = 0;                // images
};

// One system's rounds in one scenario.
struct SystemRounds {
  std::string name, command;
  std::vector<RoundRecord> rounds;
  std::optional<BenchmarkQuality> quality;
};

// What stands in a report of one system in one scenario.
struct SystemSummary {
  std::string name, command, title;
  nlohmann::ordered_json details;
  std::int64_t calls = 0, images = 0;
  std::optional<MeasuredFigure> p50, p90, p99;  // seconds a call
  MeasuredFigure images_per_second;
  std::vector<double> rounds;             // their images a second
  double start_seconds = 0;               // until it was ready: the rounds' median
  std::uint64_t peak_bytes = 0;           // the rounds' greatest
  std::uint64_t over_baseline_bytes = 0;  // the greatest of peak less what it occupied before it loaded its model
  double cpu_seconds_per_image = 0;
  Energy energy;  // joules an image
  // Of rounds of 200 calls or more, the seconds an image of each one's last twentieth by those of its first; and how
  // many bytes more were resident after the last call than before the first, the greatest of the rounds.
  std::optional<MeasuredFigure> drift;
  std::int64_t growth_bytes = 0;
  std::optional<double> loss;  // of training, the last round's last
  std::optional<BenchmarkQuality> quality;
  // Only of systems whose quality passes the stated gate: by images a second, from 1; and images a second by the first
  // system's, if that passes as well. Training, whose quality a few steps don't show, has the ratio alone.
  std::optional<std::int64_t> rank;
  std::optional<MeasuredFigure> ratio;
};

// Throws Error where a system has no rounds.
std::vector<SystemSummary> summarize(const std::string& scenario, const std::vector<SystemRounds>& systems,
                                     const std::optional<double>& gate, const BootstrapOptions& bootstrap = {});

// Whether quality reaches the gate. False without quality or gate.
bool passes_gate(const std::optional<BenchmarkQuality>& quality, const std::optional<double>& gate);

nlohmann::ordered_json to_json(const SystemSummary& summary);

}  // namespace cigli
