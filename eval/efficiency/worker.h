#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "runtime/child_process.h"

namespace cigli {

// One image that a worker is to make, and where.
struct WorkerRequest {
  std::string id, text;
  std::filesystem::path image;  // the prompt's file
  std::uint64_t seed = 0;
  std::filesystem::path file;  // PNG
};

struct WorkerOptions {
  std::string name, command;  // as reports call it; as /bin/sh runs it
  double timeout = 600;       // seconds that an answer may take
};

// A command that speaks the worker protocol (docs/efficiency.md), which is how systems are measured, cigli's own
// (`cigli serve`) like any other. Whatever breaks the protocol throws Error, which names the worker.
class Worker {
 public:
  // Starts it and waits until it is ready.
  explicit Worker(const WorkerOptions& options);

  // Seconds from the request to the answer. Error unless it says that it made as many images as it was asked for.
  // `look` sees what it made while its processes are held, so that nothing is finished after the answer.
  double generate(const std::vector<WorkerRequest>& requests, const std::function<void()>& look = {});
  // Seconds of so many steps of training. Error unless it says that it saw as many steps' images and a finite loss.
  double train(std::int64_t steps);
  double loss() const { return loss_; }                        // of the last train(), or NaN
  std::int64_t training_batch() const { return batch_size_; }  // images a step, of what it said when it was ready; or 0
  // Lets it end. Error unless it does, with exit code 0.
  void finish();

  const std::string& name() const { return options_.name; }
  const std::string& title() const { return title_; }                 // what it calls itself
  const nlohmann::ordered_json& details() const { return details_; }  // what else it said when it was ready
  double start_seconds() const { return start_seconds_; }             // from its start until it was ready
  std::uint64_t baseline_bytes() const { return baseline_; }          // resident before it loaded its model
  ProcessUsage usage() const { return process_.usage(); }

 private:
  nlohmann::ordered_json answer();
  double ask(const nlohmann::ordered_json& question, std::int64_t expected, nlohmann::ordered_json& answered,
             const std::function<void()>& look);
  [[noreturn]] void fail(const std::string& what) const;

  WorkerOptions options_;
  ChildProcess process_;
  std::string title_;
  nlohmann::ordered_json details_;
  double start_seconds_ = 0, loss_;
  std::int64_t batch_size_ = 0, questions_ = 0;
  std::uint64_t baseline_ = 0;
};

}  // namespace cigli
