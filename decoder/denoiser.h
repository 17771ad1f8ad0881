#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "fusion/condition.h"
#include "runtime/options.h"

namespace cigli {

struct DecoderOptions {
  std::string kind = "unet";
  std::int64_t patch = 4;                      // pixels a side of a cell of the finest feature map
  std::vector<std::int64_t> widths{128, 256};  // channels a resolution, finest first
  std::vector<std::int64_t> blocks{2, 3};      // residual blocks a resolution (down; the way up has two at the finest)
  std::int64_t heads = 4;
  std::int64_t group = 16;    // channels a normalisation group
  std::int64_t latent = 100;  // values of the vector that a GAN's generator starts from
  bool flow_map = false;      // the U-Net jumps from one time of the flow to another, under guidance that it is told
  void visit(Fields& f);
};

// Where in the flow a network is asked, row by row: at time t [B] (0 = noise, 1 = clean); a flow map also where it
// jumps to, and guided by how much.
struct FlowPoint {
  FlowPoint(torch::Tensor time) : t(std::move(time)) {}
  FlowPoint(torch::Tensor time, torch::Tensor end, torch::Tensor scales)
      : t(std::move(time)), until(std::move(end)), guidance(std::move(scales)) {}
  torch::Tensor t;         // [B]
  torch::Tensor until;     // [B] in [t, 1]; undefined but of a flow map
  torch::Tensor guidance;  // [B,2]: scales of text and image prompt; undefined but of a flow map
};

// A condition, and what a network makes of it before it knows x or the time, which all steps share. What a network has
// no use for stays undefined.
struct ReadCondition {
  Condition condition;
  torch::Tensor embedding;                 // [B,E'] of the pooled condition
  torch::Tensor cells, map;                // [B,C,h,w] what is added to its finest and to its coarsest feature map
  std::vector<torch::Tensor> keys_values;  // [B,M,2C] of the condition's tokens, of each attention in turn
};

// All of its tensors, undefined ones too, in an order that is always the same but for the number of keys and values.
std::vector<torch::Tensor*> tensors_of(ReadCondition& condition);

// A network of the flow: the clean image expected behind x [B,3,H,W] at time t. Of a flow map, instead, where the
// straight line from x through the image of time `until` ends at time 1: x + (1 - t) u, with u the mean velocity
// between the two times (Geng et al. 2025, "Mean Flows", eq. 3); jump() takes it there. All networks share this
// signature; losses and samplers know nothing else. A GAN's generator is one too: its image is the same at every t, so
// that a single Euler step of the sampler returns it.
struct DenoiserImpl : torch::nn::Module {
  virtual torch::Tensor forward(const torch::Tensor& x, const FlowPoint& at, const ReadCondition& condition) = 0;
  // What forward() takes of this condition; by default the condition alone.
  virtual ReadCondition read(const Condition& condition) { return {condition, {}, {}, {}, {}}; }
};
using Denoiser = std::shared_ptr<DenoiserImpl>;

// RGB [B,3,H,W] of what a network has drawn: RGB itself, or, under a condition with the prompt's pixels, RGB and a gate
// [B,4,H,W], which gives RGB plus the gate times the prompt's pixel there, so that what stays as it was need not be
// drawn again.
torch::Tensor drawn_over_prompt(const torch::Tensor& drawn, const Condition& condition);

// Error when the options don't fit together or an image of this size.
Denoiser make_denoiser(const DecoderOptions& options, const ConditionWidths& condition, std::int64_t height,
                       std::int64_t width);

}  // namespace cigli
