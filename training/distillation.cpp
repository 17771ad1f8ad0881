#include "training/distillation.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>

#include "runtime/error.h"
#include "runtime/philox.h"
#include "training/channels_last.h"
#include "training/loss.h"

namespace cigli {

using torch::Tensor;

void DistillationOptions::visit(Fields& f) {
  f("teacher_steps", teacher_steps, "steps of the teacher from noise to image, each a jump's first part",
    Range{2, 1000});
  f("guidance_text", guidance_text, "guidance by the text is learned from 1 to this", Range{1, 100});
  f("guidance_image", guidance_image, "guidance by the image prompt is learned from 1 to this", Range{1, 100});
  f("own_guidance", own_guidance, "share of pairs under the teacher's own guidance, the rest under any", Range{0, 1});
  f("whole", whole, "share of jumps that end at the image, the rest anywhere", Range{0, 1});
}

Generator flow_map_of(const Generator& flow) {
  ModelOptions options = flow->options;
  if (options.decoder.kind != "unet" || options.decoder.flow_map)
    throw Error(std::string("only a flow can be distilled; this is ") +
                (options.decoder.flow_map ? "a distilled model already" : "a GAN"));
  options.decoder.flow_map = true;
  Generator map(options, flow->tokenizer);
  map->words = flow->words;
  const torch::NoGradGuard no_grad;
  const auto from = flow->named_parameters();
  for (auto& parameter : map->named_parameters())
    if (const Tensor* const source = from.find(parameter.key())) parameter.value().copy_(*source);
  return map;
}

JumpDraw draw_jumps(std::uint64_t seed, std::int64_t first, at::IntArrayRef shape, const SamplerOptions& sampling,
                    const DistillationOptions& options) {
  TORCH_CHECK(shape.size() == 4, "draw_jumps expects the shape [B,3,H,W]; got ", shape);
  const std::int64_t batch = shape[0], values = shape[1] * shape[2] * shape[3];
  JumpDraw draw{torch::empty(shape, torch::TensorOptions().memory_format(torch::MemoryFormat::ChannelsLast)),
                torch::empty({batch}), torch::empty({batch}), torch::empty({batch}), torch::empty({batch, 2})};
  float* const noise = draw.noise.data_ptr<float>();
  at::parallel_for(0, batch, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const auto pair = static_cast<std::uint64_t>(first + i);
      fill_normal(seed, 2 * pair, noise + i * values, values);
      Philox random(seed, 2 * pair + 1);
      const double step = 1 / static_cast<double>(options.teacher_steps);
      const double until = random.uniform() < options.whole ? 1 : std::max(step, random.uniform());
      const double t = 0.999 * until * random.uniform();  // or both might be one as floats
      const double near = std::min(until, t + step);
      draw.t.data_ptr<float>()[i] = static_cast<float>(shifted_time(t, sampling.shift));
      draw.until.data_ptr<float>()[i] = static_cast<float>(shifted_time(until, sampling.shift));
      draw.near.data_ptr<float>()[i] = static_cast<float>(shifted_time(near, sampling.shift));
      const bool own = random.uniform() < options.own_guidance;
      const double text = 1 + (options.guidance_text - 1) * random.uniform();
      const double image = 1 + (options.guidance_image - 1) * random.uniform();
      draw.guidance.data_ptr<float>()[2 * i] = static_cast<float>(own ? sampling.guidance_text : text);
      draw.guidance.data_ptr<float>()[2 * i + 1] = static_cast<float>(own ? sampling.guidance_image : image);
    }
  });
  return draw;
}

Distillation::Distillation(const TrainOptions& options, const Generator& model, Optimizer& optimizer)
    : options_(options), model_(model), teacher_(load_model(options.teacher)), optimizer_(optimizer) {
  use_channels_last(*teacher_);
  teacher_->to(model_->denoiser->parameters().front().scalar_type());
  teacher_->eval();
}

Tensor Distillation::guided_velocity(const Tensor& x, const JumpDraw& draw, const Condition& branches) {
  const std::int64_t batch = x.size(0);
  const Tensor clean = teacher_->forward(x.repeat({3, 1, 1, 1}), draw.t.repeat({3}), branches);
  const auto scale = [&](std::int64_t i) { return draw.guidance.select(1, i).view({-1, 1, 1, 1}); };
  const auto branch = [&](std::int64_t i) { return clean.slice(0, i * batch, (i + 1) * batch); };
  // Brooks et al. 2023, eq. 3.
  const Tensor guided = branch(2) + scale(1) * (branch(1) - branch(2)) + scale(0) * (branch(0) - branch(1));
  return (guided - x) / (1 - draw.t).view({-1, 1, 1, 1});
}

StepReport Distillation::step(const Batch& pairs, std::int64_t step, double progress) {
  StepReport report;
  report.learning_rate = learning_rate_at(options_.schedule, step, progress);
  const std::int64_t batch = pairs.target.size(0);
  const JumpDraw draw = draw_jumps(static_cast<std::uint64_t>(options_.seed), step * options_.batch_size,
                                   pairs.target.sizes(), options_.model.sampling, options_.distillation);
  const Tensor x = interpolate(pairs.target, draw.noise, draw.t);
  Condition both;
  Tensor end;
  {
    const torch::NoGradGuard no_grad;
    std::vector<std::string> texts;
    for (int copy = 0; copy < 3; ++copy) texts.insert(texts.end(), pairs.texts.begin(), pairs.texts.end());
    const Tensor yes = torch::ones({batch}, torch::kBool), no = torch::zeros({batch}, torch::kBool);
    const Condition branches = teacher_->condition(texts, pairs.prompt.repeat({3, 1, 1, 1}),
                                                   {torch::cat({yes, no, no}), torch::cat({yes, yes, no})});
    both = rows_of(branches, 0, batch);
    const Tensor v = guided_velocity(x, draw, branches);
    const Tensor near = x + (draw.near - draw.t).view({-1, 1, 1, 1}) * v;
    const Tensor rest = model_->forward(near, {draw.near, draw.until, draw.guidance}, both);
    // A jump that is no longer than the step is the step.
    const Tensor there =
        torch::where((draw.near < draw.until).view({-1, 1, 1, 1}), jump(near, rest, draw.near, draw.until), near);
    end = x + (there - x) * ((1 - draw.t) / (draw.until - draw.t)).view({-1, 1, 1, 1});
  }
  const Tensor loss = flow_loss(model_->forward(x, {draw.t, draw.until, draw.guidance}, both), end, draw.t);
  report.loss = report.gradient_norm = loss.item<double>();
  if (!std::isfinite(report.loss)) return report;
  optimizer_.clear_gradients();
  loss.backward();
  report.gradient_norm = optimizer_.step(step, report.learning_rate);
  return report;
}

}  // namespace cigli
