#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "dataset/image.h"
#include "dataset/requests.h"
#include "eval/efficiency/energy.h"
#include "eval/efficiency/latency.h"
#include "eval/efficiency/worker.h"

namespace cigli {

// How systems are used, after the scenarios of Peng et al. 2023 (Efficiency Pentathlon):
//   single-stream  one request a call, the next when it is answered
//   fixed-batch    `batch_size` requests a call
//   random-batch   as many as arrive in a time slot: Poisson's numbers of mean `batch_size`, those outside of
//                  1 .. 2 batch_size drawn anew
//   offline        all requests in one call; the system decides how to batch them
//   training       `steps_per_call` training steps a call
const std::vector<std::string>& scenario_names();

struct ScenarioOptions {
  std::string scenario = "single-stream";
  std::int64_t calls = 100;  // measured ones of a round
  std::int64_t warmup = 3;   // calls before them, not measured
  std::int64_t batch_size = 16;
  std::int64_t steps_per_call = 1;
  std::uint64_t seed = 0;
};
// With as many calls as suit it. Throws Error for a name that is none.
ScenarioOptions scenario_of(const std::string& name);

// Requests of each measured call of round number `round` (0, 1, ...), or steps of training: the same for all systems.
// `available`: rows that there are.
std::vector<std::int64_t> plan_calls(const ScenarioOptions& options, std::int64_t round, std::int64_t available);

// What one system did in one round. Memory and processor time are of all its processes.
struct RoundRecord {
  TimedRound calls;  // the measured ones
  double start_seconds = 0, cpu_seconds = 0;
  std::uint64_t baseline_bytes = 0;                            // before it loaded its model
  std::uint64_t peak_bytes = 0;                                // at any time until the last call
  std::uint64_t first_resident_bytes = 0, resident_bytes = 0;  // before the first and after the last measured call
  Energy energy;                                               // of the measured calls
  double loss = 0;                                             // of training, after the last
  ImageSize image_size;                                        // of all images
  std::string title;
  nlohmann::ordered_json details;
};

struct RoundOptions {
  ScenarioOptions scenario;
  std::int64_t round = 0;
  std::filesystem::path images;  // folder that takes <id>.png of each row
  double watts_per_core = 0;
  ImageSize image_size;  // that images must have; 0x0: the first one's
};

// Carries one round out. Rows are taken in turn, from one round to the next, with another seed whenever they come
// again; those of the calls to warm up have seeds that never do. Between calls, outside of the time that is measured,
// every image that was asked for is looked for and decoded, while the worker is held; all must be PNGs of one size.
// Error names the worker and the call, for whatever it did wrong.
RoundRecord run_round(Worker& worker, const std::vector<ImageRequest>& rows, const RoundOptions& options);

}  // namespace cigli
