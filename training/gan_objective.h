#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "training/discriminator.h"
#include "training/gan_loss.h"
#include "training/objective.h"

namespace cigli {

// Generator against a matching-aware discriminator: hinge losses, a lazy gradient penalty (R1 at every `r1_every`-th
// step, weighted by as many: Karras et al. 2020, appendix B), and beside them a squared reconstruction error. A step
// moves the discriminator, by Adam without momentum or clipping whatever moves the generator, then the generator
// against the one that has moved. Inputs are never dropped, as a GAN is sampled without guidance. Both networks compute
// in the training's precision; losses and the penalty's sum are float32.
class GanObjective : public Objective {
 public:
  GanObjective(const TrainOptions& options, const Generator& model, Optimizer& optimizer);
  StepReport step(const Batch& pairs, std::int64_t step, double progress) override;
  std::map<std::string, Optimizer*> networks() override { return {{"discriminator", discriminator_optimizer_.get()}}; }

  Discriminator& discriminator() { return discriminator_; }

 private:
  JudgedBatch judged(const Batch& pairs, std::int64_t step) const;
  // Adds to `report`; false when loss or gradient is not finite, which is then in its loss or gradient norm.
  bool move_discriminator(const JudgedBatch& batch, std::int64_t step, double progress, StepReport& report);
  void move_generator(const JudgedBatch& batch, std::int64_t step, double progress, StepReport& report);

  TrainOptions options_;
  ScheduleOptions discriminator_schedule_;
  Generator model_;
  Optimizer& optimizer_;
  Discriminator discriminator_;
  std::unique_ptr<Optimizer> discriminator_optimizer_;
};

}  // namespace cigli
