#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "decoder/generator.h"
#include "runtime/safetensors.h"
#include "training/optimizer.h"

namespace cigli {

// Where a training stands, besides weights and optimiser. Order and random numbers follow from step, seed and batch
// size.
struct TrainingState {
  std::int64_t step = 0;  // steps behind us
  double elapsed = 0;     // seconds of training
  // Running sums behind the log's next line.
  double loss_sum = 0, norm_sum = 0;
  std::int64_t summed = 0;
  // What must not change under a training.
  std::int64_t seed = 0, batch_size = 0;
  std::string data;     // checksum of the training data
  std::string teacher;  // and of the teacher's file; empty without one
  // Running sums of what else the objective reports.
  std::map<std::string, double> more_sums;
};

// A checkpoint is a model file (decoder/model_file.h) of the averaged weights that also holds the optimiser's masters
// and moments as `training.master.NAME`, `training.m.NAME`, `training.v.NAME`, those of a network that training alone
// uses as `training.NETWORK.master.NAME` and so on, and the metadata `training.state` and `training.options` (JSON).
struct Checkpoint {
  std::filesystem::path file;
  TensorFile content;
  TrainingState state;
};

// What a checkpoint is made of.
struct CheckpointParts {
  const GeneratorImpl& model;
  const Optimizer& optimizer;  // the model's
  const TrainingState& state;
  nlohmann::json options;
  std::map<std::string, const Optimizer*> networks;  // that training alone uses, by name
};

// RUN/checkpoints/step-00001000.safetensors; written atomically.
void save_checkpoint(const std::filesystem::path& run, const CheckpointParts& parts);
// The averaged weights alone, as a model file.
void save_averaged_model(const std::filesystem::path& file, const GeneratorImpl& model, const Optimizer& optimizer,
                         std::int64_t step);

// A run's checkpoints, oldest first.
std::vector<std::filesystem::path> list_checkpoints(const std::filesystem::path& run);
// Removes all but the newest `keep` up to step `step`, and those beyond it, which a resumption has gone back behind.
void prune_checkpoints(const std::filesystem::path& run, std::int64_t keep, std::int64_t step);

// Error naming the file when it is damaged or no training checkpoint.
Checkpoint read_checkpoint(const std::filesystem::path& file);
// The newest checkpoint that can be read; a damaged one is passed over with a warning on stderr. None when the run has
// none; Error when all are damaged.
std::optional<Checkpoint> read_newest_checkpoint(const std::filesystem::path& run);
// Masters, moments and average of a checkpoint into the optimiser, then masters into the parameters; of a network that
// training alone uses (by its name) no average is kept. Error names a missing or misshapen tensor.
void restore_optimizer(const Checkpoint& checkpoint, Optimizer& optimizer, const std::string& network = "");

}  // namespace cigli
