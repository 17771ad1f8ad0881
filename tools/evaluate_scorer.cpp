#include <cmath>
#include <iostream>

#include "dataset/pack.h"
#include "eval/evidence.h"
#include "eval/features/dataset_scorer.h"
#include "eval/scorer_training.h"
#include "runtime/device.h"
#include "runtime/device_choice.h"
#include "runtime/files.h"
#include "runtime/interrupt.h"
#include "runtime/progress.h"
#include "tools/commands.h"

namespace cigli {
namespace {

struct EvaluateScorerOptions {
  std::string data, out, split;
  ScorerTraining training;
  std::int64_t seed = 0, threads = 0;
  DeviceChoice device;

  void visit(Fields& f) {
    f("data", data, "packed dataset of the pairs to learn from", Required{});
    f("out", out, "scorer file to write, for `cigli evaluate --scorer`", Required{});
    f("split", split, "rows of this split alone (default: train, or those without a split)");
    f("steps", training.steps, "training steps", Range{1});
    f("batch_size", training.batch_size, "rows a training step", Range{2, 4096});
    f("learning_rate", training.learning_rate, "learning rate", Range{0});
    f("seed", seed, "seed of the training", Range{0, 1e9});
    f("threads", threads, "threads, 0 = all cores", Range{0, 4096});
    device.visit(f);
  }
};

std::vector<std::int64_t> rows_of(const Pack& pack, const EvaluateScorerOptions& options) {
  std::vector<std::int64_t> rows = pack.indices(options.split.empty() ? "train" : options.split);
  if (rows.empty() && options.split.empty()) rows = pack.indices("");
  if (rows.empty())
    throw Error(options.data + ": no row of split '" + (options.split.empty() ? "train" : options.split) + "'");
  return rows;
}

// Of the held-out rows, those whose own target fits best, in percent: half of the others share its prompt or sentence.
double first_share(const TrainedScorer& trained, const Pack& pack, const Alike& alike) {
  const torch::Tensor scores = trained.scores(pack, Candidates(alike, trained.held_out()), 1);
  double first = 0;
  for (const Evidence& evidence : pooled_evidence({scores}, {1.0})) first += evidence.first;
  return std::round(1000 * first / static_cast<double>(trained.held_out().size())) / 10;
}

}  // namespace

int run_evaluate_scorer(const Arguments& arguments) {
  auto options = parse<EvaluateScorerOptions>(arguments);
  options.training.seed = static_cast<std::uint64_t>(options.seed);
  options.training.symmetric = true;
  options.training.device = find_device(options.device.device);
  check_output(options.out);
  set_threads(options.threads);
  const Pack pack(options.data);
  const std::vector<std::int64_t> rows = rows_of(pack, options);
  std::vector<std::string> texts;
  for (const std::int64_t row : rows) texts.emplace_back(pack.text(row));
  const Tokenizer tokenizer = Tokenizer::train(texts, options.training.architecture.text.vocabulary);

  const InterruptGuard interrupts;
  Progress progress("scorer", options.training.steps);
  std::int64_t done = 0;
  const Alike alike = find_alike(pack);
  const TrainedScorer trained(pack, alike, rows, tokenizer, "both", options.training, [&] {
    if (InterruptGuard::requested()) throw Interrupted(options.out + ": interrupted, nothing is written");
    progress.update(++done);
  });
  progress.finish();
  const DatasetScorer scorer(trained.network(), tokenizer, {pack.prompt_width(), pack.prompt_height()},
                             {pack.target_width(), pack.target_height()});
  scorer.save(options.out);
  std::cout << options.out << ": " << first_share(trained, pack, alike) << " % of " << trained.held_out().size()
            << " held-out pairs have the target that fits best among " << options.training.candidates << "\n";
  return 0;
}

}  // namespace cigli
