#pragma once

#include <string>
#include <vector>

#include "training/distillation_options.h"
#include "training/objective.h"

namespace cigli {

// Options of a flow map made of such a flow, which draws in straight lines. Error where it is none.
ModelOptions flow_map_options(const ModelOptions& flow);
// A flow map that begins as this flow: its weights, and jump layers that do nothing yet. Error where it is none.
Generator flow_map_of(const Generator& flow);

// Paths of a batch's rows, the guidance along them and the jumps to be learned of each, all a function of (seed, number
// of the pair). N and K are the options' `teacher_steps` and `jumps`.
struct PathDraw {
  torch::Tensor noise;        // [B,3,H,W] float32, standard normal, channels_last
  torch::Tensor times;        // [B,N+1], from 0 to 1: the teacher's steps, about where its sampler takes N
  torch::Tensor guidance;     // [B,2]: scales of text and image prompt
  torch::Tensor from, until;  // [B,K] numbers of times, 0 <= from < until <= N
};
// The paths of the pairs number `first` and on, for images of `shape` [B,3,H,W]; `sampling` is the teacher's.
PathDraw draw_paths(std::uint64_t seed, std::int64_t first, at::IntArrayRef shape, const SamplerOptions& sampling,
                    const DistillationOptions& options);
// The same on a device.
PathDraw moved(const PathDraw& draw, torch::Device device);

// Where Euler's steps lead the guided teacher at each of the times, whatever its own sampler is, and the condition that
// it was under.
struct Paths {
  torch::Tensor states;  // [B,N+1,3,H,W] float32, the first the noise, the last the images, not clamped
  Condition condition;
};
// Under B texts and prompts [B,3,Hp,Wp] in [-1,1]. Without gradients where the caller forbids them.
Paths teacher_paths(Generator& teacher, const PathDraw& draw, const std::vector<std::string>& texts,
                    const torch::Tensor& prompts);

// Mean flow by the teacher's own paths. From noise the guided teacher integrates to an image in N steps, and jumps of
// the network between any two states of that path learn where it led: the mean velocity between two times of a flow
// (Geng et al. 2025, "Mean Flows", eq. 3) is the difference of the states by that of the times. The states are those
// that a sampler meets, the targets are exact but for the N steps, and one path teaches several jumps (Kim et al. 2023,
// "Consistency Trajectory Models", whose teacher's solver gives targets between any two times, from noised data). The
// loss is the mean squared error of where lines lead at time 1, (1 - t)^2 times that of the mean velocity: weighted
// by the latter's own, jumps from near the image, where the teacher learned least, drown the rest. Encoders and fusion
// stay the teacher's; the network learns alone.
class Distillation : public Objective {
 public:
  Distillation(const TrainOptions& options, const Generator& model, Optimizer& optimizer);
  StepReport step(const Batch& pairs, std::int64_t step, double progress) override;

 private:
  TrainOptions options_;
  Generator model_, teacher_;
  Optimizer& optimizer_;
};

}  // namespace cigli
