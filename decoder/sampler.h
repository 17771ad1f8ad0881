#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/options.h"

namespace cigli {

struct SamplerOptions {
  std::string method = "euler";  // euler | heun
  std::int64_t steps = 8;
  double guidance_text = 1;   // s_T
  double guidance_image = 1;  // s_I
  double shift = 5;           // t' = t / (t + shift (1 - t)): smaller steps near the noise
  void visit(Fields& f);
};

// Clean images expected behind (x [B,3,H,W], t [B]) under K conditions, and what each counts in the guided prediction,
// the sum over k of factors[k] branches[k].
struct GuidedPrediction {
  std::function<torch::Tensor(const torch::Tensor& x, const torch::Tensor& t)> branches;  // [K B,3,H,W], one by one
  std::vector<double> factors = {1};                                                      // [K], at most 4
};

// Integrates dx/dt = (clean(x,t) - x) / (1 - t) from noise at t = 0 to t = 1 (rectified flow, Liu et al. 2022), clean
// being the guided prediction. The last step, Euler's to t = 1, is the clean image itself; of one step in all nothing
// else is left. Noise in float32 is updated in one pass a step, whether the branches are float32 or bfloat16; the
// result has the layout of the branches. No gradients pass.
torch::Tensor integrate(const GuidedPrediction& clean, torch::Tensor noise, const SamplerOptions& options);

// Where the line of the mean velocity between t and `until` (both [B]) leads from x at time 1; see decoder/denoiser.h.
using EndPrediction =
    std::function<torch::Tensor(const torch::Tensor& x, const torch::Tensor& t, const torch::Tensor& until)>;

// x [B,3,H,W] at time t, taken along that line to the time `until` (both [B]).
torch::Tensor jump(const torch::Tensor& x, const torch::Tensor& end, const torch::Tensor& t,
                   const torch::Tensor& until);

// From noise at t = 0 to t = 1 by jumps of a flow map, between the times that `integrate` would step at.
torch::Tensor follow(const EndPrediction& end, torch::Tensor noise, const SamplerOptions& options);

// Time [0,1] of the share u of the sampler's way, by its shift.
double shifted_time(double u, double shift);

// Starting noise of image k of a request: standard normal [3,H,W], a function of (seed, id, k) alone (Philox).
torch::Tensor request_noise(std::uint64_t seed, std::string_view id, std::int64_t k, std::int64_t height,
                            std::int64_t width);

}  // namespace cigli
