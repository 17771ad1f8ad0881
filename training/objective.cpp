#include "training/objective.h"

#include "training/distillation.h"
#include "training/flow_objective.h"
#include "training/gan_objective.h"

namespace cigli {

std::unique_ptr<Objective> make_objective(const TrainOptions& options, const Generator& model, Optimizer& optimizer) {
  if (options.model.decoder.kind == "gan") return std::make_unique<GanObjective>(options, model, optimizer);
  if (!options.teacher.empty()) return std::make_unique<Distillation>(options, model, optimizer);
  return std::make_unique<FlowObjective>(options, model, optimizer);
}

}  // namespace cigli
