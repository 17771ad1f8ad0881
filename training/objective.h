#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "dataset/batch.h"
#include "decoder/generator.h"
#include "training/optimizer.h"
#include "training/run_log.h"
#include "training/train_options.h"

namespace cigli {

// What a step did. When loss or gradient norm is not finite, the generator has not moved.
struct StepReport {
  double loss = 0, gradient_norm = 0, learning_rate = 0;  // of the generator
  NamedValues more;                                       // what else the log shows
};

// What a training teaches the generator, and by what means: it owns the networks and optimisers that training alone
// uses. A step follows from the weights and optimisers before it, its number and the options.
class Objective {
 public:
  virtual ~Objective() = default;
  // Step number `step` (the first is 0) on these pairs, when the share `progress` in [0,1] of the training is behind.
  virtual StepReport step(const Batch& pairs, std::int64_t step, double progress) = 0;
  // Optimisers of the networks that training alone uses, by name, to be saved and restored.
  virtual std::map<std::string, Optimizer*> networks() { return {}; }
};

// The objective that the decoder's kind asks for: a flow's, or a GAN's; or, with a teacher, its distillation.
// `optimizer` is the model's and outlives it.
std::unique_ptr<Objective> make_objective(const TrainOptions& options, const Generator& model, Optimizer& optimizer);

}  // namespace cigli
