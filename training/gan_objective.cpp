#include "training/gan_objective.h"

#include <cmath>

#include "runtime/philox.h"
#include "training/channels_last.h"
#include "training/loss.h"

namespace cigli {

using torch::Tensor;

namespace {

// Sets the streams of mismatches apart from those of noise, which count pairs from 0, and those of orders.
constexpr std::uint64_t mismatch_streams = std::uint64_t{1} << 62;

// Lets gradients pass through the discriminator without computing those of its weights.
class Frozen {
 public:
  explicit Frozen(torch::nn::Module& network) : parameters_(network.parameters()) { set(false); }
  ~Frozen() { set(true); }
  Frozen(const Frozen&) = delete;
  Frozen& operator=(const Frozen&) = delete;

 private:
  void set(bool trained) {
    for (Tensor& parameter : parameters_) parameter.set_requires_grad(trained);
  }
  std::vector<Tensor> parameters_;
};

// Without momentum, as what it learns against moves (Karras et al. 2020), and without clipping, which would take from
// the lazy penalty the weight that makes up for the steps between.
OptimizerOptions discriminator_options(OptimizerOptions options) {
  options.kind = "adamw";
  options.beta1 = 0;
  options.clip = 0;
  options.ema = 0;  // its average is never used
  return options;
}

}  // namespace

GanObjective::GanObjective(const TrainOptions& options, const Generator& model, Optimizer& optimizer)
    : options_(options),
      discriminator_schedule_(options.schedule),
      model_(model),
      optimizer_(optimizer),
      discriminator_(options.gan.discriminator, model->options, model->tokenizer.vocabulary()) {
  discriminator_schedule_.learning_rate = options.gan.learning_rate;
  use_channels_last(*discriminator_);
  discriminator_->to(model->device());
  discriminator_optimizer_ =
      std::make_unique<Optimizer>(discriminator_->named_parameters(), discriminator_options(options.optimizer));
  discriminator_->to(options.precision == "bf16" ? torch::kBFloat16 : torch::kFloat32);
}

JudgedBatch GanObjective::judged(const Batch& pairs, std::int64_t step) const {
  Philox random(static_cast<std::uint64_t>(options_.seed), mismatch_streams + static_cast<std::uint64_t>(step));
  const auto batch = static_cast<std::int64_t>(pairs.texts.size());
  const std::uint64_t text_roll = random.next(), prompt_roll = random.next();
  const auto same_text = [&](std::int64_t i, std::int64_t j) {
    return pairs.texts[static_cast<std::size_t>(i)] == pairs.texts[static_cast<std::size_t>(j)];
  };
  const auto same_prompt = [&](std::int64_t i, std::int64_t j) {
    return torch::equal(pairs.prompt[i], pairs.prompt[j]);
  };
  return {tokenize(model_->tokenizer, pairs.texts, model_->options.text.context),
          pairs.prompt,
          pairs.target,
          {},
          moved(mismatched_rows(batch, text_roll, same_text), pairs.target.device()),
          moved(mismatched_rows(batch, prompt_roll, same_prompt), pairs.target.device())};
}

StepReport GanObjective::step(const Batch& pairs, std::int64_t step, double progress) {
  StepReport report;
  const FlowDraw draw =
      moved(draw_flow(static_cast<std::uint64_t>(options_.seed), step * options_.batch_size, pairs.target.sizes(), {}),
            pairs.target.device());
  const Condition condition = model_->condition(pairs.texts, pairs.prompt);
  JudgedBatch batch = judged(pairs, step);
  batch.fake = model_->forward(draw.noise, draw.t, condition);
  if (move_discriminator(batch, step, progress, report)) move_generator(batch, step, progress, report);
  return report;
}

bool GanObjective::move_discriminator(const JudgedBatch& batch, std::int64_t step, double progress,
                                      StepReport& report) {
  const GanOptions& gan = options_.gan;
  const bool penalty = gan.r1 > 0 && step % gan.r1_every == 0;
  const DiscriminatorTerms terms = discriminator_terms(discriminator_, batch, penalty);
  Tensor loss = discriminator_loss(terms, gan.mismatch);
  if (penalty) loss = loss + gan.r1 * static_cast<double>(gan.r1_every) * terms.r1;
  report.loss = loss.item<double>();
  if (!std::isfinite(report.loss)) return false;
  discriminator_optimizer_->clear_gradients();
  loss.backward();
  const double rate = learning_rate_at(discriminator_schedule_, step, progress);
  report.gradient_norm = discriminator_optimizer_->step(step, rate);
  report.more = {{"discriminator_loss", report.loss},       {"discriminator_grad_norm", report.gradient_norm},
                 {"hinge_real", terms.real.item<double>()}, {"hinge_fake", terms.fake.item<double>()},
                 {"hinge_text", terms.text.item<double>()}, {"hinge_prompt", terms.prompt.item<double>()}};
  // Its mean over the steps is the penalty's share of the loss.
  if (gan.r1 > 0)
    report.more.emplace_back("r1", penalty ? gan.r1 * static_cast<double>(gan.r1_every) * terms.r1.item<double>() : 0);
  return std::isfinite(report.gradient_norm);
}

void GanObjective::move_generator(const JudgedBatch& batch, std::int64_t step, double progress, StepReport& report) {
  const double weight = options_.gan.reconstruction;
  const Frozen frozen(*discriminator_);
  Tensor loss = adversarial_loss(discriminator_, batch);
  report.more.emplace_back("adversarial", loss.item<double>());
  if (weight > 0) {
    const Tensor error = (batch.fake - batch.real).square().mean();
    report.more.emplace_back("reconstruction", error.item<double>());
    loss = loss + weight * error;
  }
  report.learning_rate = learning_rate_at(options_.schedule, step, progress);
  report.loss = report.gradient_norm = loss.item<double>();
  if (!std::isfinite(report.loss)) return;
  optimizer_.clear_gradients();
  loss.backward();
  report.gradient_norm = optimizer_.step(step, report.learning_rate);
}

}  // namespace cigli
