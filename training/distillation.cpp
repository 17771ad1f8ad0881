#include "training/distillation.h"

#include <cmath>

#include "runtime/error.h"
#include "runtime/philox.h"
#include "training/channels_last.h"
#include "training/loss.h"

namespace cigli {

using torch::Tensor;

void DistillationOptions::visit(Fields& f) {
  f("teacher_steps", teacher_steps, "the teacher answers jumps of up to one of so many steps", Range{2, 1000});
  f("taught", taught, "share of jumps that it answers; the others are split in two of the network's own", Range{0, 1});
  f("to_image", to_image, "share of jumps to be split that end at the image; the rest ends anywhere", Range{0, 1});
  f("from_noise", from_noise, "share of jumps to be split that begin at the noise; the rest begins anywhere",
    Range{0, 1});
  f("guidance_text", guidance_text, "guidance by the text is learned from 1 to this", Range{1, 100});
  f("guidance_image", guidance_image, "guidance by the image prompt is learned from 1 to this", Range{1, 100});
  f("own_guidance", own_guidance, "share of pairs under the model's own guidance, the rest under any", Range{0, 1});
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

namespace {

struct Jump {
  double t = 0, middle = 1, until = 1;  // shares of the sampler's way
};

Jump draw_jump(bool taught, Philox& random, const DistillationOptions& options) {
  constexpr double apart = 0.01;  // or rounding would be all that a jump tells
  if (taught) {
    const double step = 1 / static_cast<double>(options.teacher_steps), t = (1 - step) * random.uniform();
    const double until = t + step * (apart + (1 - apart) * random.uniform());
    return {t, until, until};
  }
  const double until = random.uniform() < options.to_image ? 1 : apart + (1 - apart) * random.uniform();
  const double t = random.uniform() < options.from_noise ? 0 : (until - apart) * random.uniform();
  return {t, t + (until - t) * (0.3 + 0.4 * random.uniform()), until};
}

Tensor column(const Tensor& rows) { return rows.view({-1, 1, 1, 1}); }

JumpDraw rows_of(const JumpDraw& draw, const Tensor& rows) {
  const auto part = [&](const Tensor& all) { return all.index_select(0, rows); };
  return {{}, part(draw.t), part(draw.middle), part(draw.until), part(draw.guidance), {}, {}};
}

Condition rows_of(const Condition& c, const Tensor& rows) {
  const auto part = [&](const Tensor& all) { return all.defined() ? all.index_select(0, rows) : all; };
  return {part(c.tokens), part(c.mask), part(c.pooled), part(c.map), part(c.details), part(c.prompt)};
}

}  // namespace

JumpDraw draw_jumps(std::uint64_t seed, std::int64_t first, at::IntArrayRef shape, const SamplerOptions& sampling,
                    const DistillationOptions& options) {
  TORCH_CHECK(shape.size() == 4, "draw_jumps expects the shape [B,3,H,W]; got ", shape);
  const std::int64_t batch = shape[0], values = shape[1] * shape[2] * shape[3];
  JumpDraw draw{torch::empty(shape, torch::TensorOptions().memory_format(torch::MemoryFormat::ChannelsLast)),
                torch::empty({batch}),
                torch::empty({batch}),
                torch::empty({batch}),
                torch::empty({batch, 2}),
                {},
                {}};
  float* const noise = draw.noise.data_ptr<float>();
  for (std::int64_t i = 0; i < batch; ++i) {
    const auto pair = static_cast<std::uint64_t>(first + i);
    fill_normal(seed, 2 * pair, noise + i * values, values);
    Philox random(seed, 2 * pair + 1);
    const bool taught = random.uniform() < options.taught;
    (taught ? draw.taught : draw.split).push_back(i);
    const Jump jump = draw_jump(taught, random, options);
    const auto set = [&](Tensor& times, double u) {
      times.data_ptr<float>()[i] = static_cast<float>(shifted_time(u, sampling.shift));
    };
    set(draw.t, jump.t);
    set(draw.middle, jump.middle);
    set(draw.until, jump.until);
    const bool own = random.uniform() < options.own_guidance;
    const double text = 1 + (options.guidance_text - 1) * random.uniform();
    const double image = 1 + (options.guidance_image - 1) * random.uniform();
    draw.guidance.data_ptr<float>()[2 * i] = static_cast<float>(own ? sampling.guidance_text : text);
    draw.guidance.data_ptr<float>()[2 * i + 1] = static_cast<float>(own ? sampling.guidance_image : image);
  }
  return draw;
}

Distillation::Distillation(const TrainOptions& options, const Generator& model, Optimizer& optimizer)
    : options_(options), model_(model), teacher_(load_model(options.teacher)), optimizer_(optimizer) {
  use_channels_last(*teacher_);
  teacher_->to(model_->denoiser->parameters().front().scalar_type());
  teacher_->eval();
}

Tensor Distillation::taught_end(const Tensor& x, const JumpDraw& rows, const std::vector<std::string>& texts,
                                const Tensor& prompt) {
  const std::int64_t n = x.size(0);
  const Tensor text_scale = column(rows.guidance.select(1, 0)), image_scale = column(rows.guidance.select(1, 1));
  // Brooks et al. 2023, eq. 3; the branch that sees nothing counts only where the image prompt is guided.
  const Tensor guided = rows.guidance.select(1, 1).ne(1).nonzero().view(-1), places = torch::arange(n);
  const std::int64_t blind = guided.size(0);
  const Tensor from = torch::cat({places, places, guided});
  std::vector<std::string> repeated;
  for (std::int64_t i = 0; i < 2 * n + blind; ++i)
    repeated.push_back(texts[static_cast<std::size_t>(from[i].item<std::int64_t>())]);
  const auto sees = [&](bool text, bool image) {
    return torch::cat({torch::full({n}, text, torch::kBool), torch::full({n}, image, torch::kBool),
                       torch::zeros({blind}, torch::kBool)});
  };
  const Condition branches =
      teacher_->condition(repeated, prompt.index_select(0, from), {sees(true, false), sees(true, true)});
  const std::vector<Tensor> clean = teacher_->forward(x.index_select(0, from), rows.t.index_select(0, from), branches)
                                        .split_with_sizes({n, n, blind});
  const Tensor end = clean[1] + text_scale * (clean[0] - clean[1]);
  const Tensor image_alone = clean[1].index_select(0, guided) - clean[2];
  return end.index_add(0, guided, (image_scale.index_select(0, guided) - 1) * image_alone);
}

Tensor Distillation::split_end(const Tensor& x, const JumpDraw& rows, const Condition& condition) {
  const Tensor first = model_->forward(x, {rows.t, rows.middle, rows.guidance}, condition);
  const Tensor between = jump(x, first, rows.t, rows.middle);
  const Tensor second = model_->forward(between, {rows.middle, rows.until, rows.guidance}, condition);
  const Tensor there = jump(between, second, rows.middle, rows.until);
  return x + (there - x) * column((1 - rows.t) / (rows.until - rows.t));
}

StepReport Distillation::step(const Batch& pairs, std::int64_t step, double progress) {
  StepReport report;
  report.learning_rate = learning_rate_at(options_.schedule, step, progress);
  const JumpDraw draw = draw_jumps(static_cast<std::uint64_t>(options_.seed), step * options_.batch_size,
                                   pairs.target.sizes(), options_.model.sampling, options_.distillation);
  const Tensor x = interpolate(pairs.target, draw.noise, draw.t);
  Condition condition;
  Tensor end = torch::empty_like(x);
  {
    const torch::NoGradGuard no_grad;
    optimizer_.write_parameters(
        Optimizer::average);  // to learn from itself as it was a moment ago keeps it from running off
    condition = teacher_->condition(pairs.texts, pairs.prompt);
    if (!draw.taught.empty()) {
      const Tensor rows = torch::tensor(draw.taught);
      std::vector<std::string> texts;
      for (const std::int64_t i : draw.taught) texts.push_back(pairs.texts[static_cast<std::size_t>(i)]);
      end.index_copy_(
          0, rows, taught_end(x.index_select(0, rows), rows_of(draw, rows), texts, pairs.prompt.index_select(0, rows)));
    }
    if (!draw.split.empty()) {
      const Tensor rows = torch::tensor(draw.split);
      end.index_copy_(0, rows, split_end(x.index_select(0, rows), rows_of(draw, rows), rows_of(condition, rows)));
    }
    optimizer_.write_parameters(Optimizer::master);
  }
  const Tensor loss = (model_->forward(x, {draw.t, draw.until, draw.guidance}, condition) - end).square().mean();
  report.loss = report.gradient_norm = loss.item<double>();
  if (!std::isfinite(report.loss)) return report;
  optimizer_.clear_gradients();
  loss.backward();
  report.gradient_norm = optimizer_.step(step, report.learning_rate);
  return report;
}

}  // namespace cigli
