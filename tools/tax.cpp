#include "eval/efficiency/tax.h"

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <memory>

#include "runtime/device.h"
#include "runtime/files.h"
#include "runtime/progress.h"
#include "runtime/temporary_folder.h"
#include "tools/commands.h"
#include "tools/model_choice.h"
#include "tools/tax_report.h"
#include "training/trainer.h"

namespace cigli {
namespace {

using Json = nlohmann::ordered_json;

struct TaxCommand {
  std::string model, train, data, out, html;
  std::vector<std::int64_t> batch_sizes;
  std::vector<std::string> backends;
  std::optional<std::int64_t> steps;
  std::int64_t rows = 20, threads = 0;
  bool json = false;

  void visit(Fields& f) {
    f("model", model, "model file, checkpoint or run folder; without it, the model inside this program");
    f("train", train, "measure training steps of this configuration (TOML) instead");
    f("data", data, "what --train trains on: dataset folder or packed file");
    f("batch_sizes", batch_sizes, "images a pass; by default 1,2,4,8,16, or the batch size of --train", Range{1, 4096});
    f("backends", backends, "types of weights and activations; by default what `generate` takes",
      Choices{{"fp32", "bf16"}});
    f("steps", steps, "sampler steps of a pass; the model's own by default", Range{1, 10000});
    f("rows", rows, "operators to list", Range{0, 10000});
    f("threads", threads, "threads, 0 = all cores", Range{0, 4096});
    f("json", json, "print JSON (with all operators)");
    f("out", out, "JSON file to write, too");
    f("html", html, "page to write, too, with a roofline");
  }
};

// Fills in what was left open.
TaxCommand resolved_tax(TaxCommand options) {
  if (options.train.empty() != options.data.empty())
    throw UsageError("tax: --train and --data belong together: a configuration, and what it trains on");
  if (!options.train.empty() && (!options.model.empty() || options.steps))
    throw UsageError("tax: --model and --steps say nothing of --train, whose configuration holds its model");
  if (options.batch_sizes.empty()) {
    TrainOptions training;
    if (!options.train.empty()) read_toml(fields_of(training), options.train);
    options.batch_sizes = options.train.empty() ? std::vector<std::int64_t>{1, 2, 4, 8, 16}
                                                : std::vector<std::int64_t>{training.batch_size};
  }
  std::sort(options.batch_sizes.begin(), options.batch_sizes.end());
  options.batch_sizes.erase(std::unique(options.batch_sizes.begin(), options.batch_sizes.end()),
                            options.batch_sizes.end());
  if (options.backends.empty()) options.backends = {computes_in_bf16() ? "bf16" : "fp32"};
  return options;
}

using Pass = std::function<void()>;

// Makes images of random prompts and a fixed sentence: what a pass costs doesn't depend on what they show.
Pass drawing_pass(const ChosenModel& chosen, std::int64_t batch) {
  const ModelOptions& shape = chosen.model->options;
  std::vector<Request> requests;
  for (std::int64_t i = 0; i < batch; ++i)
    requests.push_back({std::to_string(i), "a red circle to the left of a small blue square",
                        2 * torch::rand({3, shape.prompt_height, shape.prompt_width}) - 1, 0, 0});
  return [model = chosen.model, sampling = chosen.sampling, requests]() mutable { model->sample(requests, sampling); };
}

// Steps of trainings in a temporary folder, which write nothing but how they began.
class TrainingPasses {
 public:
  explicit TrainingPasses(const TaxCommand& command) {
    read_toml(fields_of(options_), command.train);
    options_.data = command.data;
    options_.threads = command.threads;
    options_.device.device = "cpu";
    options_.minutes = 0;
    options_.steps = options_.log_every = std::int64_t{1} << 40;
    options_.resume.clear();
  }

  Pass pass(const std::string& backend, std::int64_t batch) {
    options_.out = (folder_ / (backend + "-" + std::to_string(batch))).string();
    options_.precision = backend;
    options_.batch_size = batch;
    const auto trainer = std::make_shared<Trainer>(options_);
    options_.data = trainer->data().file.string();  // packed once
    return [trainer] { trainer->step(); };
  }

 private:
  TemporaryFolder folder_;
  TrainOptions options_;
};

MeasuredBackend measure_backend(const std::string& backend, const TaxCommand& command, const TaxOptions& options,
                                const std::function<Pass(std::int64_t batch)>& pass_of) {
  MeasuredBackend measured{backend, {}, {}, {}};
  Progress progress("tax " + backend, static_cast<std::int64_t>(command.batch_sizes.size()));
  std::vector<LatencySample> samples;
  for (const std::int64_t batch : command.batch_sizes) {
    measured.batches.push_back({batch, measure_tax(pass_of(batch), options)});
    samples.push_back({batch, measured.batches.back().report.seconds});
    progress.update(static_cast<std::int64_t>(measured.batches.size()), "batch " + std::to_string(batch));
  }
  progress.finish();
  const MeasuredBatch& largest = measured.batches.back();
  if (largest.batch > measured.batches.front().batch) measured.fit = fit_latency(samples);
  measured.advice = tax_advice(largest.report, options, largest.batch, measured.fit);
  return measured;
}

}  // namespace

int run_tax(const Arguments& arguments) {
  const TaxCommand command = resolved_tax(parse<TaxCommand>(arguments));
  for (const std::string& file : {command.out, command.html})
    if (!file.empty()) check_output(file);
  set_threads(command.threads);
  TaxOptions options;
  options.allow_bf16 = computes_in_bf16();
  const bool in_bf16 = std::count(command.backends.begin(), command.backends.end(), "bf16") > 0;
  options.roofs = measure_roofs(options.allow_bf16 || in_bf16);

  std::unique_ptr<TrainingPasses> training;
  if (!command.train.empty()) training = std::make_unique<TrainingPasses>(command);
  TaxMeasurement measurement{training                ? command.train
                             : command.model.empty() ? "the embedded model"
                                                     : command.model,
                             {},
                             options.roofs,
                             {}};
  for (const std::string& backend : command.backends) {
    if (training) {
      measurement.backends.push_back(measure_backend(
          backend, command, options, [&](std::int64_t batch) { return training->pass(backend, batch); }));
      continue;
    }
    ModelChoice choice;
    choice.model = command.model;
    choice.precision = backend;
    choice.device.device = "cpu";
    choice.steps = command.steps;
    const ChosenModel chosen = load_chosen(choice);
    measurement.steps = chosen.sampling.steps;
    measurement.backends.push_back(
        measure_backend(backend, command, options, [&](std::int64_t batch) { return drawing_pass(chosen, batch); }));
  }

  const std::string dumped = tax_json(measurement).dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  if (!command.out.empty()) write_file(command.out, dumped);
  if (!command.html.empty()) write_tax_page(command.html, measurement, command.rows);
  std::cout << (command.json ? dumped : tax_text(measurement, command.rows));
  return 0;
}

}  // namespace cigli
