#pragma once

#include <string>
#include <vector>

#include "training/distillation_options.h"
#include "training/objective.h"

namespace cigli {

// A flow map that begins as this flow: its weights, and jump layers that do nothing yet. Error where it is none.
Generator flow_map_of(const Generator& flow);

// Jumps of a batch's rows and the guidance under them, each a function of (seed, number of the pair). Times are drawn
// on the sampler's way, which its shift bends.
struct JumpDraw {
  torch::Tensor noise;             // [B,3,H,W] float32, standard normal, channels_last
  torch::Tensor t, middle, until;  // [B], 0 <= t < middle <= until <= 1
  torch::Tensor guidance;          // [B,2]: scales of text and image prompt
  std::vector<std::int64_t> taught,
      split;  // rows that the teacher answers, whose jumps are a step of its at most; others
};
JumpDraw draw_jumps(std::uint64_t seed, std::int64_t first, at::IntArrayRef shape, const SamplerOptions& sampling,
                    const DistillationOptions& options);

// Mean flow by a teacher, without its derivative. The mean velocity u between two times of a flow (Geng et al. 2025) is
// its velocity where they meet, and obeys for every m between t and s
// (s - t) u(x_t, t, s) = (m - t) u(x_t, t, m) + (s - m) u(x_m, m, s) (Guo et al. 2025, "SplitMeanFlow"), of which the
// mean flow's own identity is the limit m -> t. So short jumps learn the guided velocity of the teacher, and long ones
// what two shorter ones of the network itself, without their gradient, add up to: what the teacher says reaches the
// longest jump in as many generations as halvings, and no derivative amplifies what bfloat16 rounds. The loss is
// the mean squared error of where lines lead at time 1, (1 - t) times that of u: weighted by u's own, jumps from near
// the image, where the teacher learned least, drown the rest. Encoders and fusion stay the teacher's; the network
// learns alone.
class Distillation : public Objective {
 public:
  Distillation(const TrainOptions& options, const Generator& model, Optimizer& optimizer);
  StepReport step(const Batch& pairs, std::int64_t step, double progress) override;

 private:
  // Where the teacher's guided velocity at x leads, and where two jumps of the network do, as lines to time 1. Of rows
  // with these texts and prompts, and of rows under this condition.
  torch::Tensor taught_end(const torch::Tensor& x, const JumpDraw& rows, const std::vector<std::string>& texts,
                           const torch::Tensor& prompt);
  torch::Tensor split_end(const torch::Tensor& x, const JumpDraw& rows, const Condition& condition);

  TrainOptions options_;
  Generator model_, teacher_;
  Optimizer& optimizer_;
};

}  // namespace cigli
