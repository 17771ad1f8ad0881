#pragma once

#include "training/distillation_options.h"
#include "training/objective.h"

namespace cigli {

// A flow map that begins as this flow: its weights, and jump layers that do nothing yet. Error where it is none.
Generator flow_map_of(const Generator& flow);

// Times that a row's jump leads from and to, and the guidance under it, each a function of (seed, number of the pair).
struct JumpDraw {
  torch::Tensor noise;     // [B,3,H,W] float32, standard normal, channels_last
  torch::Tensor t, until;  // [B], 0 <= t < until <= 1
  torch::Tensor near;      // [B]: one step of the teacher's from t, but not beyond `until`
  torch::Tensor guidance;  // [B,2]: scales of text and image prompt
};
JumpDraw draw_jumps(std::uint64_t seed, std::int64_t first, at::IntArrayRef shape, const SamplerOptions& sampling,
                    const DistillationOptions& options);

// Mean flow by a teacher (Geng et al. 2025): the mean velocity u between t and s of the guided flow v obeys
// u = v + (s - t) du/dt (eq. 6, here with time running from noise to image), where du/dt is taken along the flow. With
// the derivative taken over one step h of the teacher's that is (s - t) u(x_t, t, s) = h v + (s - t - h) u(x_t+h, t+h,
// s): a step of the teacher's, then the student's own jump for the rest, without its gradient. The error of u counts as
// in flow_loss. Encoders and fusion stay the teacher's; the network learns alone.
class Distillation : public Objective {
 public:
  Distillation(const TrainOptions& options, const Generator& model, Optimizer& optimizer);
  StepReport step(const Batch& pairs, std::int64_t step, double progress) override;

 private:
  // The teacher's velocity at x, guided by each row's own scales; `branches`: conditions of both inputs, of the prompt
  // alone, and of neither, one below the other.
  torch::Tensor guided_velocity(const torch::Tensor& x, const JumpDraw& draw, const Condition& branches);

  TrainOptions options_;
  Generator model_, teacher_;
  Optimizer& optimizer_;
};

}  // namespace cigli
