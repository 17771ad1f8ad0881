#pragma once

#include <chrono>
#include <cstdint>
#include <future>
#include <memory>
#include <string>

#include "dataset/upload.h"
#include "decoder/generator.h"
#include "training/checkpoint.h"
#include "training/data_order.h"
#include "training/objective.h"
#include "training/optimizer.h"
#include "training/run_log.h"
#include "training/train_options.h"
#include "training/training_data.h"

namespace cigli {

// One training in its run folder: config.toml, data.pack (from a dataset folder), log.jsonl, samples/, checkpoints/,
// model.safetensors. What a step does follows from the weights and optimiser before it, its number and the options, so
// a resumed run equals one that was never interrupted. Under `minutes` the learning rate also follows the clock.
class Trainer {
 public:
  // Prepares data, model and run folder. Error when the folder already holds a training that is not to be resumed, or
  // when the checkpoint does not fit these options.
  explicit Trainer(const TrainOptions& options);

  // Steps until the schedule ends, SIGINT or SIGTERM; logs, samples and saves on the way and at the end. True when the
  // schedule ended.
  bool run();

  // One step; returns its loss. Throws Error naming the step when loss or gradient is not finite; what was
  // saved stays as it was, and so do the weights that the step had yet to move (a GAN's discriminator moves first).
  double step();
  bool finished() const { return progress() >= 1; }
  // Writes a checkpoint and drops the oldest.
  void save();

  const TrainingState& state() const { return state_; }
  const TrainingData& data() const { return data_; }
  Generator& model() { return model_; }

 private:
  void start();
  Generator first_model(const std::vector<std::string>& texts) const;
  void resume(const Checkpoint& checkpoint);
  void adopt(Generator model);
  Batch next_batch();
  double progress() const;
  double elapsed() const;
  void log();
  void write_samples();
  std::string note() const;

  TrainOptions options_;
  TrainingData data_;
  DataOrder order_;
  Generator model_{nullptr};
  std::unique_ptr<Optimizer> optimizer_;  // the model's
  std::unique_ptr<Objective> objective_;
  TrainingState state_;
  std::unique_ptr<RunLog> log_;
  std::chrono::steady_clock::time_point started_;
  double elapsed_before_ = 0;                      // seconds of earlier processes
  std::int64_t logged_step_ = 0, saved_step_ = 0;  // of the last line, of the last checkpoint
  double logged_elapsed_ = 0, images_per_second_ = 0;
  StepReport last_;
  std::int64_t next_step_ = 0;  // that next_ is for: after a step that failed, another one
  std::future<Upload> next_;    // read beside the step before it; last, because it must be over before the rest goes
};

}  // namespace cigli
