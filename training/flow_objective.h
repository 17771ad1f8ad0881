#pragma once

#include "training/objective.h"

namespace cigli {

// Rectified flow (Liu et al. 2022) with classifier-free guidance (Ho & Salimans 2022): see training/loss.h.
class FlowObjective : public Objective {
 public:
  FlowObjective(const TrainOptions& options, const Generator& model, Optimizer& optimizer);
  StepReport step(const Batch& pairs, std::int64_t step, double progress) override;

 private:
  TrainOptions options_;
  Generator model_;
  Optimizer& optimizer_;
};

}  // namespace cigli
