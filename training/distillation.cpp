#include "training/distillation.h"

#include <cmath>

#include "runtime/error.h"
#include "runtime/philox.h"
#include "training/channels_last.h"
#include "training/schedule.h"

namespace cigli {

using torch::Tensor;

void DistillationOptions::visit(Fields& f) {
  f("teacher_steps", teacher_steps, "steps of the teacher's paths", Range{2, 1000});
  f("jumps", jumps, "jumps that are learned of each path", Range{1, 1000});
  f("to_image", to_image, "share of jumps that end at the image; the rest ends anywhere", Range{0, 1});
  f("from_noise", from_noise, "share of jumps that begin at the noise; the rest begins anywhere", Range{0, 1});
  f("guidance_text", guidance_text, "guidance by the text is learned from 1 to this", Range{1, 100});
  f("guidance_image", guidance_image, "guidance by the image prompt is learned from 1 to this", Range{1, 100});
  f("own_guidance", own_guidance, "share of paths under the model's own guidance, the rest under any", Range{0, 1});
}

ModelOptions flow_map_options(const ModelOptions& flow) {
  ModelOptions options = flow;
  if (options.decoder.kind != "unet" || options.decoder.flow_map)
    throw Error(std::string("only a flow can be distilled; this is ") +
                (options.decoder.flow_map ? "a distilled model already" : "a GAN"));
  options.decoder.flow_map = true;
  options.sampling.method = "euler";
  return options;
}

Generator flow_map_of(const Generator& flow) {
  Generator map(flow_map_options(flow->options), flow->tokenizer);
  map->words = flow->words;
  const torch::NoGradGuard no_grad;
  const auto from = flow->named_parameters();
  for (auto& parameter : map->named_parameters()) {
    const Tensor* const source = from.find(parameter.key());
    TORCH_CHECK(source != nullptr || parameter.key().find("jump") != std::string::npos, "a flow has no ",
                parameter.key());
    if (source != nullptr) parameter.value().copy_(*source);
  }
  return map;
}

namespace {

Tensor column(const Tensor& rows) { return rows.view({-1, 1, 1, 1}); }

Condition rows_of(const Condition& c, const Tensor& rows) {
  const auto part = [&](const Tensor& all) { return all.defined() ? all.index_select(0, rows) : all; };
  return {part(c.tokens), part(c.mask), part(c.pooled), part(c.map), part(c.details), part(c.prompt)};
}

}  // namespace

PathDraw draw_paths(std::uint64_t seed, std::int64_t first, at::IntArrayRef shape, const SamplerOptions& sampling,
                    const DistillationOptions& options) {
  TORCH_CHECK(shape.size() == 4, "draw_paths expects the shape [B,3,H,W]; got ", shape);
  const std::int64_t batch = shape[0], values = shape[1] * shape[2] * shape[3];
  const std::int64_t steps = options.teacher_steps, jumps = options.jumps;
  PathDraw draw{torch::empty(shape, torch::TensorOptions().memory_format(torch::MemoryFormat::ChannelsLast)),
                torch::zeros({batch, steps + 1}), torch::empty({batch, 2}), torch::zeros({batch, jumps}, torch::kLong),
                torch::full({batch, jumps}, steps, torch::kLong)};
  for (std::int64_t i = 0; i < batch; ++i) {
    const auto pair = static_cast<std::uint64_t>(first + i);
    fill_normal(seed, 2 * pair, draw.noise.data_ptr<float>() + i * values, values);
    Philox random(seed, 2 * pair + 1);
    float* const times = draw.times[i].data_ptr<float>();
    const double moved = random.uniform() - 0.5;  // or the network would know N - 1 times alone
    for (std::int64_t n = 1; n < steps; ++n)
      times[n] = static_cast<float>(
          shifted_time((static_cast<double>(n) + moved) / static_cast<double>(steps), sampling.shift));
    times[steps] = 1;
    const bool own = random.uniform() < options.own_guidance;
    const double text = 1 + (options.guidance_text - 1) * random.uniform();
    const double image = 1 + (options.guidance_image - 1) * random.uniform();
    float* const guidance = draw.guidance[i].data_ptr<float>();
    guidance[0] = static_cast<float>(own ? sampling.guidance_text : text);
    guidance[1] = static_cast<float>(own ? sampling.guidance_image : image);
    const auto below = [&](std::int64_t end) {
      return static_cast<std::int64_t>(static_cast<double>(end) * random.uniform());
    };
    for (std::int64_t k = 0; k < jumps; ++k) {
      const std::int64_t until = random.uniform() < options.to_image ? steps : 1 + below(steps);
      draw.until[i][k] = until;
      draw.from[i][k] = random.uniform() < options.from_noise ? 0 : below(until);
    }
  }
  return draw;
}

PathDraw moved(const PathDraw& draw, torch::Device device) {
  return {draw.noise.to(device), draw.times.to(device), draw.guidance.to(device), draw.from.to(device),
          draw.until.to(device)};
}

Paths teacher_paths(Generator& teacher, const PathDraw& draw, const std::vector<std::string>& texts,
                    const Tensor& prompts) {
  const std::int64_t batch = draw.noise.size(0), steps = draw.times.size(1) - 1;
  const Tensor text_scale = column(draw.guidance.select(1, 0)), image_scale = column(draw.guidance.select(1, 1));
  // Brooks et al. 2023, eq. 3; the branch that sees nothing counts only where the image prompt is guided.
  const auto sees = [&](bool both, bool image, bool nothing) {
    return torch::tensor({both, image, nothing}, torch::kBool).repeat_interleave(batch);  // moved by the fusion
  };
  const Condition branches = teacher->condition(texts, prompts, {sees(true, false, false), sees(true, true, false)});
  const Tensor rows = torch::arange(batch, draw.times.options().dtype(torch::kLong)),
               guided = draw.guidance.select(1, 1).ne(1).nonzero().view(-1);
  const Tensor from = torch::cat({rows, rows, guided});
  const ReadCondition read =
      teacher->denoiser->read(rows_of(branches, torch::cat({rows, rows + batch, guided + 2 * batch})));
  std::vector<Tensor> states{draw.noise};
  for (std::int64_t n = 0; n < steps; ++n) {
    const Tensor& x = states.back();
    const Tensor t = draw.times.select(1, n);
    const std::vector<Tensor> clean = teacher->forward(x.index_select(0, from), t.index_select(0, from), read)
                                          .split_with_sizes({batch, batch, guided.size(0)});
    Tensor end = clean[1] + text_scale * (clean[0] - clean[1]);
    const Tensor image_alone = clean[1].index_select(0, guided) - clean[2];
    end = end.index_add(0, guided, (image_scale.index_select(0, guided) - 1) * image_alone);
    states.push_back(jump(x, end, t, draw.times.select(1, n + 1)));
  }
  return {torch::stack(states, 1), rows_of(branches, rows)};
}

Distillation::Distillation(const TrainOptions& options, const Generator& model, Optimizer& optimizer)
    : options_(options), model_(model), teacher_(load_model(options.teacher)), optimizer_(optimizer) {
  use_channels_last(*teacher_);
  teacher_->to(model_->device(), model_->denoiser->parameters().front().scalar_type());
  teacher_->eval();
}

StepReport Distillation::step(const Batch& pairs, std::int64_t step, double progress) {
  StepReport report;
  report.learning_rate = learning_rate_at(options_.schedule, step, progress);
  const PathDraw draw = moved(draw_paths(static_cast<std::uint64_t>(options_.seed), step * options_.batch_size,
                                         pairs.target.sizes(), teacher_->options.sampling, options_.distillation),
                              pairs.target.device());
  const std::int64_t batch = draw.from.size(0), jumps = draw.from.size(1);
  Condition condition;
  Tensor x, t, until, end;
  {
    const torch::NoGradGuard no_grad;
    const Paths paths = teacher_paths(teacher_, draw, pairs.texts, pairs.prompt);
    const Tensor states = paths.states.flatten(0, 1), times = draw.times.flatten();
    const Tensor path = torch::arange(batch, draw.from.options()).unsqueeze(1) * draw.times.size(1);
    const Tensor from = (path + draw.from).flatten(), to = (path + draw.until).flatten();
    x = states.index_select(0, from).contiguous(torch::MemoryFormat::ChannelsLast);
    t = times.index_select(0, from);
    until = times.index_select(0, to);
    end = torch::lerp(x, states.index_select(0, to), column((1 - t) / (until - t)));
    condition = rows_of(paths.condition, torch::arange(batch, draw.from.options()).repeat_interleave(jumps));
  }
  const Tensor guidance = draw.guidance.repeat_interleave(jumps, 0);
  const Tensor loss = (model_->forward(x, {t, until, guidance}, condition) - end).square().mean();
  report.loss = report.gradient_norm = loss.item<double>();
  if (!std::isfinite(report.loss)) return report;
  optimizer_.clear_gradients();
  loss.backward();
  report.gradient_norm = optimizer_.step(step, report.learning_rate);
  return report;
}

}  // namespace cigli
