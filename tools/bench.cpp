#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <set>
#include <thread>
#include <utility>

#include "dataset/metadata.h"
#include "eval/consistency.h"
#include "eval/efficiency/kernel_speeds.h"
#include "runtime/device.h"
#include "runtime/device_choice.h"
#include "runtime/error.h"
#include "runtime/files.h"
#include "runtime/interrupt.h"
#include "runtime/progress.h"
#include "runtime/temporary_folder.h"
#include "tools/bench_report.h"
#include "tools/commands.h"
#include "tools/image_scores.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct BenchOptions {
  std::vector<std::string> scenario{"single-stream", "fixed-batch"}, system, command;
  std::string data, split, quality = "auto", images, out, html, latencies;
  std::optional<double> gate;
  std::optional<std::int64_t> calls, warmup;
  std::int64_t rounds = 3, batch_size = 16, steps_per_call = 1, limit = 300, seed = 0, resamples = 2000, threads = 0;
  double watts_per_core = 0, timeout = 600;
  bool json = false, kernels = false;
  FeatureOptions features;

  void visit(Fields& f) {
    f("scenario", scenario, "how systems are used", Choices{scenario_names()});
    f("system", system,
      "NAME=MODEL: a cigli model; of training, NAME=CONFIG.toml (default: the model inside this program)", Whole{});
    f("command", command, "NAME=COMMAND: any command that speaks the worker protocol (docs/efficiency.md)", Whole{});
    f("data", data, "dataset folder whose rows are asked for; of training, what cigli's own trainings train on");
    f("kernels", kernels, "instead, what share of the bandwidth of memory the device's own kernels reach");
    f("split", split, "rows of this split alone");
    f("limit", limit, "the first so many rows", Range{1, 1e9});
    f("rounds", rounds, "rounds; in each, every system starts anew, in turn", Range{1, 1000});
    f("calls", calls, "measured calls a round (default: 100 of single-stream, 4 of offline, else 20)", Range{1, 1e7});
    f("warmup", warmup, "calls before them (default: 3, of offline 1)", Range{0, 1e6});
    f("batch_size", batch_size, "requests a call, of random-batch on average", Range{1, 4096});
    f("steps_per_call", steps_per_call, "steps of training a call", Range{1, 1e6});
    f("gate", gate, "quality that a system must reach to be ranked: consistency at least, distance at most");
    f("quality", quality,
      "auto: consistency of synthetic data, else the Fréchet distance to the split's targets, corrected for the number "
      "of images where there are enough",
      Choices{{"auto", "consistency", "fid", "none"}});
    f("images", images, "keep the images here, SCENARIO/SYSTEM/ID.png");
    f("json", json, "print JSON instead of a table");
    f("out", out, "also write the JSON to this file");
    f("html", html, "also write a page to look at");
    f("latencies", latencies, "also write a line a call to this CSV file");
    f("watts_per_core", watts_per_core, "estimate energy by this power where the machine has no counters",
      Range{0, 1e4});
    f("timeout", timeout, "seconds that an answer may take", Range{0.01, 1e6});
    f("threads", threads, "threads of cigli's own models and of scoring, 0 = all cores", Range{0, 4096});
    f("seed", seed, "seed of batch sizes and bootstrap", Range{0, 9e18});
    f("resamples", resamples, "bootstrap resamples behind an interval", Range{100, 1e6});
    features.visit(f);
  }
};

struct NamedSystem {
  std::string name, what;  // model, configuration or command
  bool command = false;
};

NamedSystem read_system(const std::string& text, bool command) {
  const std::size_t equals = text.find('=');
  const std::string flag = command ? "--command" : "--system";
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size())
    throw UsageError(flag + " is '" + text + "', expected NAME=" + (command ? "COMMAND" : "MODEL"));
  const std::string name = text.substr(0, equals);
  if (name.find_first_of("/\\") != std::string::npos || name[0] == '.')
    throw UsageError(flag + ": '" + name + "' can't name a folder, which images go to");
  return {name, text.substr(equals + 1), command};
}

std::vector<NamedSystem> read_systems(const BenchOptions& options) {
  std::vector<NamedSystem> systems;
  for (const std::string& text : options.system) systems.push_back(read_system(text, false));
  for (const std::string& text : options.command) systems.push_back(read_system(text, true));
  if (systems.empty()) systems.push_back({"cigli", "", false});
  std::set<std::string> names;
  for (const NamedSystem& system : systems)
    if (!names.insert(system.name).second) throw UsageError("two systems are called '" + system.name + "'");
  return systems;
}

// As /bin/sh reads one word.
std::string quoted(const std::string& word) {
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? "'\\''" : std::string(1, c);
  return text + "'";
}

std::string command_of(const NamedSystem& system, const std::string& scenario, const BenchOptions& options) {
  if (system.command) return system.what;
  std::string command = quoted(fs::read_symlink("/proc/self/exe").string()) + " serve";
  if (options.threads > 0) command += " --threads " + std::to_string(options.threads);
  if (scenario == "training") {
    if (system.what.empty()) throw UsageError("--scenario training needs --system NAME=CONFIG.toml or --command");
    return command + " --train " + quoted(system.what) + " --data " + quoted(options.data);
  }
  const std::string& device = options.features.device.device;
  if (device != "auto") command += " --device " + quoted(device);
  if (options.batch_size != 16) command += " --batch-size " + std::to_string(options.batch_size);
  return system.what.empty() ? command : command + " --model " + quoted(system.what);
}

ScenarioOptions scenario_options(const std::string& name, const BenchOptions& options) {
  ScenarioOptions scenario = scenario_of(name);
  scenario.calls = options.calls.value_or(scenario.calls);
  scenario.warmup = options.warmup.value_or(scenario.warmup);
  scenario.batch_size = options.batch_size;
  scenario.steps_per_call = options.steps_per_call;
  scenario.seed = static_cast<std::uint64_t>(options.seed);
  return scenario;
}

std::vector<ImageRequest> read_rows(const BenchOptions& options) {
  RequestFilter filter;
  filter.split = options.split;
  filter.limit = options.limit;
  RequestList list = read_requests(metadata_file(options.data), filter);
  if (!list.faults.empty())
    throw Error(metadata_file(options.data).string() + ":" + std::to_string(list.faults[0].line) + ": " +
                list.faults[0].reason);
  return list.rows;
}

// A request twice in one call would be one file.
void check_rows(const std::vector<ImageRequest>& rows, const ScenarioOptions& scenario, std::int64_t rounds) {
  const auto available = static_cast<std::int64_t>(rows.size());
  for (std::int64_t round = 0; round < rounds && scenario.scenario != "training"; ++round)
    for (const std::int64_t size : plan_calls(scenario, round, available))
      if (size > available)
        throw Error("--scenario " + scenario.scenario + " asks for " + std::to_string(size) + " rows in a call, but " +
                    std::to_string(available) + " are there");
}

// Share of the machine's processor time that is in use, over a moment.
double busy_share() {
  const auto read = [] {
    std::ifstream file("/proc/stat");
    std::string cpu;
    double user = 0, nice = 0, system = 0, idle = 0, waiting = 0;
    file >> cpu >> user >> nice >> system >> idle >> waiting;
    return std::pair<double, double>{user + nice + system, idle + waiting};
  };
  const auto [busy_before, idle_before] = read();
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  const auto [busy, idle] = read();
  const double all = busy - busy_before + idle - idle_before;
  return all > 0 ? (busy - busy_before) / all : 0;
}

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.rfind("model name", 0) == 0) return line.substr(std::min(line.find(':') + 2, line.size()));
  return "unknown";
}

Json describe_machine() {
  const double busy = busy_share();
  if (busy > 0.1)
    std::cerr << "cigli: warning: " << std::lround(100 * busy)
              << " % of the processor is in use by something else: what is measured now will suffer\n";
  return {{"processor", processor_name()},
          {"cores", usable_cores()},
          {"cigli", runtime_description()},
          {"busy_before", std::round(1000 * busy) / 1000}};
}

std::optional<BenchmarkQuality> consistency_of(const fs::path& images, const BenchOptions& options) {
  ConsistencyOptions scoring;
  scoring.split = options.split;
  scoring.present_only = true;
  scoring.threads = options.threads;
  const Score score = score_consistency(images, options.data, scoring).scores.all;
  return BenchmarkQuality{"consistency", score.accuracy, score.interval, score.n};
}

std::optional<BenchmarkQuality> distance_of(const fs::path& images, const ImageScorer& scorer) {
  const ImageScores scores = scorer.score(images.string());
  for (const auto& [name, metric] : scores.json.items()) {
    if (!metric.is_object() || !metric.contains("value") || !metric["value"].is_number()) continue;
    const bool corrected = metric.contains("corrected");  // then that is what the interval is about
    BenchmarkQuality quality{corrected ? name + " corrected" : name, metric[corrected ? "corrected" : "value"],
                             std::nullopt, static_cast<std::int64_t>(scores.files.size())};
    if (metric.contains("ci") && metric["ci"].is_array())
      quality.interval = Interval{metric["ci"][0].get<double>(), metric["ci"][1].get<double>()};
    return quality;
  }
  return std::nullopt;
}

// How good images are; whatever that needs is there from the start, or it would be missed after hours.
class Quality {
 public:
  explicit Quality(const BenchOptions& options) : options_(options), kind_(options.quality) {
    if (kind_ == "auto") kind_ = has_programs(options.data) ? "consistency" : "fid";
    if (kind_ == "consistency" && !has_programs(options.data))
      throw Error("--quality consistency: " + options.data + " has no programs, it isn't of the synthetic world");
    if (kind_ != "fid") return;
    ImageScoreOptions scoring;
    scoring.features = options.features;
    scoring.features.device.device = "cpu";  // leaves the GPU to what is measured
    scoring.metrics.metrics = {"fid"};
    scorer_ = std::make_unique<ImageScorer>(scoring, options.data, options.split, "");
  }

  std::optional<BenchmarkQuality> of(const fs::path& images) const {
    if (kind_ == "consistency") return consistency_of(images, options_);
    return scorer_ ? distance_of(images, *scorer_) : std::nullopt;
  }

 private:
  const BenchOptions& options_;
  std::string kind_;
  std::unique_ptr<ImageScorer> scorer_;
};

// The rows, but prompts that lie alone: beside those of a dataset lie the targets.
std::vector<ImageRequest> apart(std::vector<ImageRequest> rows, const fs::path& folder) {
  make_folder(folder);
  std::map<fs::path, fs::path> copies;
  for (ImageRequest& row : rows) {
    fs::path& copy = copies[row.image];
    if (copy.empty()) {
      copy = folder / (std::to_string(copies.size()) + row.image.extension().string());
      write_file(copy, read_file(row.image));
    }
    row.image = copy;
  }
  return rows;
}

class Bench {
 public:
  explicit Bench(const BenchOptions& options)
      : options_(options),
        systems_(read_systems(options)),
        images_(options.images.empty() ? kept_ / "images" : fs::path(options.images)) {
    for (const std::string& name : options.scenario) {
      planned_.push_back(scenario_options(name, options));
      for (const NamedSystem& system : systems_) {
        command_of(system, name, options);
        const fs::path folder = images_ / name / system.name;  // older images would be scored as this run's
        if (fs::exists(folder) && !fs::is_empty(folder)) throw Error("--images: " + folder.string() + " is not empty");
      }
      if (name != "training" && rows_.empty()) rows_ = read_rows(options);
      check_rows(rows_, planned_.back(), options.rounds);
    }
    if (rows_.empty()) return;
    quality_.emplace(options);
    rows_ = apart(std::move(rows_), kept_ / "prompts");
  }

  // `save` gets the report after each scenario.
  BenchReport run(const std::function<void(const BenchReport&)>& save) {
    BenchReport report;
    report.machine = describe_machine();
    report.gate = options_.gate;
    const auto rounds = static_cast<std::int64_t>(planned_.size() * systems_.size()) * options_.rounds;
    Progress progress("bench", rounds);
    for (const ScenarioOptions& scenario : planned_) {
      report.scenarios.push_back(run_scenario(scenario, progress));
      save(report);
    }
    progress.finish();
    return report;
  }

 private:
  ScenarioReport run_scenario(const ScenarioOptions& scenario, Progress& progress) {
    ScenarioReport report{scenario, options_.rounds, {}, {}};
    for (const NamedSystem& system : systems_)
      report.systems.push_back({system.name, command_of(system, scenario.scenario, options_), {}, std::nullopt});
    for (std::int64_t round = 0; round < options_.rounds; ++round) {
      // Every other round backwards, so that a machine that grows slower is so for all of them.
      for (std::size_t i = 0; i < systems_.size(); ++i) {
        SystemRounds& system = report.systems[round % 2 == 0 ? i : systems_.size() - 1 - i];
        system.rounds.push_back(measure(scenario, round, system));
        progress.update(++done_, scenario.scenario + " · " + system.name);
      }
    }
    if (scenario.scenario != "training")
      for (SystemRounds& system : report.systems) system.quality = quality_->of(folder_of(scenario, system));
    BootstrapOptions bootstrap;
    bootstrap.resamples = options_.resamples;
    bootstrap.seed = static_cast<std::uint64_t>(options_.seed);
    report.summaries = summarize(scenario.scenario, report.systems, options_.gate, bootstrap);
    return report;
  }

  RoundRecord measure(const ScenarioOptions& scenario, std::int64_t round, const SystemRounds& system) {
    const fs::path folder = folder_of(scenario, system);
    if (scenario.scenario != "training") make_folder(folder);
    Worker worker({system.name, system.command, options_.timeout});
    RoundRecord record = run_round(worker, rows_, {scenario, round, folder, options_.watts_per_core, image_size_});
    worker.finish();
    image_size_ = record.image_size;
    return record;
  }

  fs::path folder_of(const ScenarioOptions& scenario, const SystemRounds& system) const {
    return images_ / scenario.scenario / system.name;
  }

  const BenchOptions& options_;
  std::vector<NamedSystem> systems_;
  TemporaryFolder kept_;
  fs::path images_;
  std::vector<ScenarioOptions> planned_;
  std::vector<ImageRequest> rows_;
  std::optional<Quality> quality_;  // none where images are not drawn
  ImageSize image_size_;            // all systems', of the first image
  std::int64_t done_ = 0;
};

}  // namespace

int run_bench(const Arguments& arguments) {
  const auto options = parse<BenchOptions>(arguments);
  if (options.kernels == !options.data.empty()) throw UsageError("bench: expected --data DIR, or --kernels without it");
  set_threads(options.threads);
  if (options.kernels) {
    const KernelSpeeds speeds = measure_kernels(find_device(options.features.device.device));
    std::cout << (options.json ? to_json(speeds).dump() + "\n" : to_text(speeds));
    return 0;
  }
  for (const std::string* file : {&options.out, &options.html, &options.latencies})
    if (!file->empty()) check_output(*file);
  const InterruptGuard guard;
  const BenchReport report = Bench(options).run([&](const BenchReport& so_far) {
    if (!options.out.empty()) write_file(options.out, bench_json(so_far).dump(2) + "\n");
    if (!options.latencies.empty()) write_file(options.latencies, bench_latencies(so_far));
    if (!options.html.empty()) write_bench_page(options.html, so_far);
  });
  std::cout << (options.json ? bench_json(report).dump() + "\n" : bench_table(report));
  return 0;
}

}  // namespace cigli
