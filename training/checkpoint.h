#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
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
  std::string data;  // checksum of the training data
};

// A checkpoint is a model file (decoder/model_file.h) of the averaged weights that also holds the optimiser's masters
// and moments as `training.master.NAME`, `training.m.NAME`, `training.v.NAME`, and the metadata `training.state` and
// `training.options` (JSON).
struct Checkpoint {
  std::filesystem::path file;
  TensorFile content;
  TrainingState state;
};

// RUN/checkpoints/step-00001000.safetensors; written atomically.
void save_checkpoint(const std::filesystem::path& run, const GeneratorImpl& model, const Optimizer& optimizer,
                     const TrainingState& state, const nlohmann::json& options);
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
// Masters, moments and average of a checkpoint into the optimiser, then masters into the parameters. Error names a
// missing or misshapen tensor.
void restore_optimizer(const Checkpoint& checkpoint, Optimizer& optimizer);

}  // namespace cigli
