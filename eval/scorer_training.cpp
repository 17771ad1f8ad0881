#include "eval/scorer_training.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "eval/evidence.h"
#include "runtime/device.h"
#include "runtime/error.h"
#include "runtime/philox.h"
#include "training/channels_last.h"
#include "training/data_order.h"
#include "training/optimizer.h"
#include "training/schedule.h"

namespace cigli {

using torch::Tensor;

namespace {

constexpr std::int64_t kStates = 8;                      // of which the best is kept
constexpr std::int64_t kHeldOut = 8;                     // one prompt in so many
constexpr std::int64_t kMostHeldOut = 1024;              // rows
constexpr std::size_t kOfOnePrompt = 4, kOfOneText = 3;  // rows that a batch takes at once

std::vector<std::int64_t> counted(std::size_t count) {
  std::vector<std::int64_t> numbers(count);
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

OptimizerOptions optimizer_options() {
  OptimizerOptions options;
  options.kind = "muon";
  options.ema = 0.99;
  return options;
}

// Endless batches of places in `rows`: rows of one prompt, then some with the first one's sentence, then the next
// prompt.
class HardBatches {
 public:
  HardBatches(const Candidates& rows, std::int64_t size, std::uint64_t seed)
      : rows_(rows),
        size_(static_cast<std::size_t>(size)),
        order_(counted(rows.by_prompt().size()), seed),
        random_(seed, 1) {}

  std::vector<std::int64_t> next() {
    std::vector<std::int64_t> batch;
    // Where the rows are fewer than a batch, once round is all there is.
    for (std::size_t i = 0; i < rows_.by_prompt().size() && batch.size() < size_; ++i) {
      const auto& group = rows_.by_prompt()[static_cast<std::size_t>(order_.at(position_++))];
      add_some(batch, group, kOfOnePrompt);
      add_some(batch, rows_.with_text_of(group.front()), kOfOneText);
    }
    return batch;
  }

 private:
  void add_some(std::vector<std::int64_t>& batch, const std::vector<std::int64_t>& group, std::size_t most) {
    const std::size_t from = random_.below(group.size()), until = std::min(size_, batch.size() + most);
    for (std::size_t i = 0; i < std::min(group.size(), 2 * most) && batch.size() < until; ++i) {
      const std::int64_t place = group[(from + i) % group.size()];
      if (std::find(batch.begin(), batch.end(), place) == batch.end()) batch.push_back(place);
    }
  }

  const Candidates& rows_;
  std::size_t size_;
  DataOrder order_;
  Philox random_;
  std::int64_t position_ = 0;
};

// Mean evidence of the rows, at the temperature that suits them best.
double mean_nats(const Tensor& scores) {
  double sum = 0;
  const std::vector<Evidence> all = pooled_evidence({scores}, pool_weights({scores}));
  for (const Evidence& evidence : all) sum += evidence.nats;
  return sum / static_cast<double>(all.size());
}

}  // namespace

TrainedScorer::TrainedScorer(const Pack& pack, const Alike& alike, const std::vector<std::int64_t>& rows,
                             const Tokenizer& tokenizer, const std::string& inputs, const ScorerTraining& options,
                             const std::function<void()>& on_step)
    : options_(options),
      tokenizer_(tokenizer),
      scorer_(nullptr),
      dtype_(computes_in_bf16(options.device) ? torch::kBFloat16 : torch::kFloat32) {
  const Candidates all(alike, rows);
  const auto prompts = static_cast<std::int64_t>(all.by_prompt().size());
  if (prompts < 2) throw Error("a scorer is to be trained on rows of one prompt, expected at least two prompts");
  std::vector<std::int64_t> kept;
  DataOrder order(counted(all.by_prompt().size()), options.seed);
  const std::int64_t held_prompts = std::max<std::int64_t>(1, prompts / kHeldOut);
  for (std::int64_t i = 0; i < prompts; ++i)
    for (const std::int64_t place : all.by_prompt()[static_cast<std::size_t>(order.at(i))]) {
      const std::int64_t row = rows[static_cast<std::size_t>(place)];
      if (i >= held_prompts)
        kept.push_back(row);
      else if (static_cast<std::int64_t>(held_out_.size()) < kMostHeldOut)
        held_out_.push_back(row);
    }

  torch::manual_seed(options.seed);
  PairScorerOptions architecture = options.architecture;
  architecture.fusion.inputs = inputs;
  scorer_ = PairScorer(architecture, tokenizer.vocabulary());
  const Candidates validation(alike, held_out_);
  double highest = -std::numeric_limits<double>::infinity();
  std::vector<Tensor> best;
  const auto look = [&] {
    const Tensor found = scores(pack, validation, 1);
    if (found.isnan().logical_or(found.isposinf()).any().item<bool>()) return;
    const double nats = mean_nats(found);
    if (!(nats > highest)) return;
    highest = nats;
    best.clear();
    for (const Tensor& parameter : scorer_->parameters()) best.push_back(parameter.detach().clone());
  };
  train(pack, Candidates(alike, kept), look, std::max<std::int64_t>(1, options.steps / kStates), on_step);
  if (best.empty()) throw Error("the " + inputs + " scorer's training diverged; try a lower learning rate");
  const torch::NoGradGuard no_gradients;
  const std::vector<Tensor> parameters = scorer_->parameters();
  for (std::size_t i = 0; i < parameters.size(); ++i) parameters[i].copy_(best[i]);
}

void TrainedScorer::train(const Pack& pack, const Candidates& rows, const std::function<void()>& between,
                          std::int64_t every, const std::function<void()>& on_step) {
  use_channels_last(*scorer_);
  scorer_->to(options_.device);
  Optimizer optimizer(scorer_->named_parameters(), optimizer_options());
  scorer_->to(dtype_);
  const ScheduleOptions schedule{options_.learning_rate, std::min<std::int64_t>(100, options_.steps / 10), 0.5};
  HardBatches batches(rows, options_.batch_size, options_.seed + 1);
  for (std::int64_t step = 0; step < options_.steps; ++step) {
    const std::vector<std::int64_t> places = batches.next();
    std::vector<std::int64_t> indices;
    for (const std::int64_t place : places) indices.push_back(rows.rows()[static_cast<std::size_t>(place)]);
    const auto count = static_cast<std::int64_t>(places.size());
    const Tensor same = torch::empty({count, count}, torch::kBool);
    bool* mark = same.data_ptr<bool>();
    for (const std::int64_t a : places)
      for (const std::int64_t b : places) *mark++ = rows.same_target(a, b);
    const Batch pairs = pack.batch(indices, torch::dtype(dtype_).device(options_.device));
    const Tensor keys = scorer_->key(pairs.target);
    const Tensor queries = scorer_->query(tokenize(tokenizer_, pairs.texts, scorer_->options.text.context),
                                          pairs.prompt, keys.size(2), keys.size(3));
    const Tensor fit = pair_scores(queries, keys), alike = same.to(options_.device);
    Tensor loss = contrastive_loss(fit, alike);
    // A query's scores are else known up to a constant of its own.
    if (options_.symmetric) loss = (loss + contrastive_loss(fit.t(), alike)) / 2;
    optimizer.clear_gradients();
    loss.backward();
    optimizer.step(step,
                   learning_rate_at(schedule, step, static_cast<double>(step) / static_cast<double>(options_.steps)));
    if ((step + 1) % every == 0 || step + 1 == options_.steps) {
      optimizer.write_parameters(Optimizer::average);
      between();
      optimizer.write_parameters();
    }
    if (on_step) on_step();
  }
}

TrainedScorer::Embedded TrainedScorer::embed(const Pack& pack, const std::vector<std::int64_t>& rows) const {
  std::vector<Tensor> queries, keys;
  PairScorer scorer = scorer_;
  for (std::size_t from = 0; from < rows.size(); from += 64) {
    const Batch pairs = pack.batch({rows.begin() + static_cast<std::ptrdiff_t>(from),
                                    rows.begin() + static_cast<std::ptrdiff_t>(std::min(from + 64, rows.size()))},
                                   torch::dtype(dtype_).device(options_.device));
    keys.push_back(scorer->key(pairs.target).to(torch::kCPU, torch::kBFloat16));
    queries.push_back(scorer
                          ->query(tokenize(tokenizer_, pairs.texts, scorer->options.text.context), pairs.prompt,
                                  keys.back().size(2), keys.back().size(3))
                          .to(torch::kCPU, torch::kBFloat16));
  }
  return {torch::cat(queries), torch::cat(keys)};
}

Tensor TrainedScorer::scores(const Pack& pack, const Candidates& judged, std::int64_t draws) const {
  const torch::NoGradGuard no_gradients;
  const auto [queries, keys] = embed(pack, judged.rows());
  const std::int64_t count = keys.size(0);
  Tensor all = torch::full({draws, count, options_.candidates}, -std::numeric_limits<float>::infinity());
  for (std::int64_t draw = 0; draw < draws; ++draw)
    for (std::int64_t place = 0; place < count; ++place) {
      const std::vector<std::int64_t> drawn =
          judged.draw(place, options_.candidates, options_.seed, static_cast<std::uint64_t>(draw));
      const Tensor found = pair_scores(queries[place].unsqueeze(0), keys.index_select(0, torch::tensor(drawn)))[0];
      all[draw][place].narrow(0, 0, found.size(0)).copy_(found);
    }
  return all;
}

}  // namespace cigli
