#include "training/flow_objective.h"

#include <cmath>

#include "training/loss.h"

namespace cigli {

using torch::Tensor;

FlowObjective::FlowObjective(const TrainOptions& options, const Generator& model, Optimizer& optimizer)
    : options_(options), model_(model), optimizer_(optimizer) {}

StepReport FlowObjective::step(const Batch& pairs, std::int64_t step, double progress) {
  StepReport report;
  report.learning_rate = learning_rate_at(options_.schedule, step, progress);
  const FlowDraw draw = moved(draw_flow(static_cast<std::uint64_t>(options_.seed), step * options_.batch_size,
                                        pairs.target.sizes(), options_.loss),
                              pairs.target.device());
  const Tensor x = interpolate(pairs.target, draw.noise, draw.t);
  const Condition condition = model_->condition(pairs.texts, pairs.prompt, draw.visible);
  const Tensor loss = flow_loss(model_->forward(x, draw.t, condition), pairs.target, draw.t);
  report.loss = report.gradient_norm = loss.item<double>();
  if (!std::isfinite(report.loss)) return report;
  optimizer_.clear_gradients();
  loss.backward();
  report.gradient_norm = optimizer_.step(step, report.learning_rate);
  return report;
}

}  // namespace cigli
