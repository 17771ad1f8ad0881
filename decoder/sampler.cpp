#include "decoder/sampler.h"

#include <torch/torch.h>

#include "runtime/hash.h"
#include "runtime/philox.h"

namespace cigli {

using torch::Tensor;

namespace {

double step_time(std::int64_t step, const SamplerOptions& options) {
  return shifted_time(static_cast<double>(step) / static_cast<double>(options.steps), options.shift);
}

}  // namespace

double shifted_time(double u, double shift) { return u / (u + shift * (1 - u)); }

void SamplerOptions::visit(Fields& f) {
  f("method", method, "integrator", Choices{{"euler", "heun"}});
  f("steps", steps, "integration steps", Range{1, 1000});
  f("guidance_text", guidance_text, "guidance over the sentence, 1 = none", Range{0, 100});
  f("guidance_image", guidance_image, "guidance over the image prompt, 1 = none", Range{0, 100});
  f("shift", shift, "t' = t / (t + shift (1 - t)): above 1, smaller steps near the noise", Range{0.01, 100});
}

Tensor integrate(const CleanPrediction& clean, Tensor noise, const SamplerOptions& options) {
  TORCH_CHECK(noise.dim() == 4, "the sampler expects noise [B,3,H,W]; got ", noise.sizes());
  const std::int64_t batch = noise.size(0);
  const auto time = [&](std::int64_t step) { return step_time(step, options); };
  const auto velocity = [&](const Tensor& x, double t) { return (clean(x, torch::full({batch}, t, x.options())) - x) / (1 - t); };
  Tensor x = std::move(noise);
  for (std::int64_t step = 0; step + 1 < options.steps; ++step) {
    const double t = time(step), next = time(step + 1);
    const Tensor v = velocity(x, t);
    const Tensor euler = x + (next - t) * v;
    x = options.method == "heun" ? x + (next - t) / 2 * (v + velocity(euler, next)) : euler;
  }
  // The velocity is undefined at t = 1, so the last step is Euler's under either method: x + (clean - x).
  return clean(x, torch::full({batch}, time(options.steps - 1), x.options()));
}

Tensor jump(const Tensor& x, const Tensor& end, const Tensor& t, const Tensor& until) {
  return torch::lerp(x, end, ((until - t) / (1 - t)).view({-1, 1, 1, 1}).to(x.scalar_type()));
}

Tensor follow(const EndPrediction& end, Tensor noise, const SamplerOptions& options) {
  TORCH_CHECK(noise.dim() == 4, "the sampler expects noise [B,3,H,W]; got ", noise.sizes());
  Tensor x = std::move(noise);
  for (std::int64_t step = 0; step < options.steps; ++step) {
    const Tensor t = torch::full({x.size(0)}, step_time(step, options), x.options());
    const Tensor until = torch::full({x.size(0)}, step_time(step + 1, options), x.options());
    x = jump(x, end(x, t, until), t, until);
  }
  return x;
}

Tensor request_noise(std::uint64_t seed, std::string_view id, std::int64_t k, std::int64_t height, std::int64_t width) {
  Tensor noise = torch::empty({3, height, width});
  const std::uint64_t stream = stable_hash(std::string(id) + '\n' + std::to_string(k));
  fill_normal(seed, stream, noise.data_ptr<float>(), noise.numel());
  return noise;
}

}  // namespace cigli
