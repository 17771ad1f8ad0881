#include "decoder/sampler.h"

#include <ATen/Parallel.h>
#include <ATen/record_function.h>
#include <torch/torch.h>

#include <algorithm>

#include "decoder/cuda/guided_update_kernel.h"
#include "decoder/sampler_cuda.h"
#include "runtime/hash.h"
#include "runtime/philox.h"

namespace cigli {

using torch::Tensor;

namespace {

double step_time(std::int64_t step, const SamplerOptions& options) {
  return shifted_time(static_cast<double>(step) / static_cast<double>(options.steps), options.shift);
}

// A step: p x + q e + r guided.
struct Step {
  double p, q, r;
};

template <class T>
Tensor fused_update(const Step& step, const Tensor& x, const Tensor& e, const Tensor& clean,
                    const std::vector<double>& factors) {
  const Tensor made = torch::empty_like(x);
  GuidedUpdate<T> update{};
  update.count = x.numel();
  update.step = {static_cast<float>(step.p), static_cast<float>(step.q), static_cast<float>(step.r)};
  if (step.p != 0) update.x = x.data_ptr<float>();
  if (step.q != 0) update.e = e.data_ptr<float>();
  update.clean = static_cast<const T*>(clean.data_ptr());
  update.branches = static_cast<int>(factors.size());
  std::copy(factors.begin(), factors.end(), update.factors);
  update.made = made.data_ptr<float>();
#ifdef CIGLI_CUDA
  if (x.is_cuda()) {
    guided_update(update, x.device());
    return made;
  }
#endif
  guided_update(update, at::get_num_threads());
  return made;
}

Tensor composed_update(const Step& step, const Tensor& x, const Tensor& e, const Tensor& clean,
                       const std::vector<double>& factors) {
  const std::vector<Tensor> branches = clean.chunk(static_cast<std::int64_t>(factors.size()));
  Tensor made = x * step.p;
  if (step.q != 0) made = made + e * step.q;
  for (std::size_t k = 0; k < factors.size(); ++k) made = made + branches[k] * (step.r * factors[k]);
  return made;
}

bool has_kernel(const Tensor& x, const Tensor& clean) {
  if (x.scalar_type() != torch::kFloat32 || x.device() != clean.device()) return false;
  if (clean.scalar_type() != torch::kFloat32 && clean.scalar_type() != torch::kBFloat16) return false;
#ifdef CIGLI_CUDA
  if (x.is_cuda()) return true;
#endif
  return x.is_cpu();
}

// `e` may be undefined where q is 0.
Tensor update(const Step& step, const Tensor& x, const Tensor& e, const Tensor& clean,
              const std::vector<double>& factors) {
  TORCH_CHECK(clean.sizes().slice(1) == x.sizes().slice(1) &&
                  clean.size(0) == x.size(0) * static_cast<std::int64_t>(factors.size()),
              "the sampler expects ", factors.size(), " predictions of ", x.sizes(), " in one; got ", clean.sizes());
  if (!has_kernel(x, clean)) return composed_update(step, x, e, clean, factors);
  RECORD_FUNCTION("cigli::guided_update", std::vector<c10::IValue>({x, clean}));  // for `cigli tax`
  const bool half = clean.scalar_type() == torch::kBFloat16;
  const auto layout = clean.suggest_memory_format();
  const auto laid = [&](const Tensor& each) { return each.defined() ? each.contiguous(layout) : each; };
  return (half ? fused_update<std::uint16_t> : fused_update<float>)(step, laid(x), laid(e), laid(clean), factors);
}

// Euler's from t to `next`: x + (next - t) (guided - x) / (1 - t).
Step euler_step(double t, double next) {
  const double share = (next - t) / (1 - t);
  return {1 - share, 0, share};
}

// Heun's second half, from x at t and Euler's e at `next`: x/2 + e/2 + (next - t)/2 (guided - e) / (1 - next).
Step heun_step(double t, double next) {
  const double share = (next - t) / (1 - next) / 2;
  return {0.5, 0.5 - share, share};
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

Tensor integrate(const GuidedPrediction& clean, Tensor noise, const SamplerOptions& options) {
  const std::size_t branches = clean.factors.size();
  TORCH_CHECK(noise.dim() == 4, "the sampler expects noise [B,3,H,W]; got ", noise.sizes());
  TORCH_CHECK(branches >= 1 && branches <= GuidedUpdate<float>::most, "the sampler guides by 1 to ",
              GuidedUpdate<float>::most, " branches; got ", branches);
  const torch::NoGradGuard no_grad;
  const auto time = [&](std::int64_t step) { return step_time(step, options); };
  const auto predicted = [&](const Tensor& x, double t) {
    return clean.branches(x, torch::full({x.size(0)}, t, torch::device(x.device())));
  };
  Tensor x = std::move(noise);
  for (std::int64_t step = 0; step + 1 < options.steps; ++step) {
    const double t = time(step), next = time(step + 1);
    const Tensor euler = update(euler_step(t, next), x, {}, predicted(x, t), clean.factors);
    x = options.method == "heun" ? update(heun_step(t, next), x, euler, predicted(euler, next), clean.factors) : euler;
  }
  // The velocity is undefined at t = 1, so the last step is Euler's under either method: x + (clean - x).
  return update({0, 0, 1}, x, {}, predicted(x, time(options.steps - 1)), clean.factors);
}

Tensor jump(const Tensor& x, const Tensor& end, const Tensor& t, const Tensor& until) {
  return torch::lerp(x, end, ((until - t) / (1 - t)).view({-1, 1, 1, 1}).to(x.scalar_type()));
}

Tensor follow(const EndPrediction& end, Tensor noise, const SamplerOptions& options) {
  TORCH_CHECK(noise.dim() == 4, "the sampler expects noise [B,3,H,W]; got ", noise.sizes());
  Tensor x = std::move(noise);
  for (std::int64_t step = 0; step < options.steps; ++step) {
    const Tensor t = torch::full({x.size(0)}, step_time(step, options));
    const Tensor until = torch::full({x.size(0)}, step_time(step + 1, options));
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
