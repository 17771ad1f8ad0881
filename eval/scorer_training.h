#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "dataset/pack.h"
#include "encoders/tokenizer.h"
#include "eval/candidates.h"
#include "fusion/pair_scorer.h"

namespace cigli {

struct ScorerTraining {
  PairScorerOptions architecture;  // its fusion's inputs are set by the scorer
  std::int64_t steps = 2000;
  std::int64_t batch_size = 64;
  double learning_rate = 1e-3;
  std::int64_t candidates = 32;  // that a row's own target is to be told from when the scorer is chosen, own included
  std::uint64_t seed = 0;
};

// What a scorer says of a row: log softmax of its own target's score among its candidates' plus log of their number, in
// nats: what it knows beyond chance (the bound of van den Oord et al. 2018, eq. 5, row by row), at most the log.
struct Evidence {
  double nats = 0;
  double first = 0;  // 1: the own target scores highest, 0: another does; between: they tie, or the draws differ
};

// A pair scorer and the temperature at which its scores are probabilities.
class TrainedScorer {
 public:
  // Learns to tell targets of the `rows` of `pack` from each other: batches hold rows that share their prompt or their
  // sentence beside each other (the hard negatives) and others. An eighth of the prompts is held out; of eight states
  // of the averaged weights that which does best on them is kept, with the temperature that suits them (Guo et al.
  // 2017). `on_step` is called after each step and may throw. Throws Error unless `rows` has two different prompts, or
  // when the training diverges.
  TrainedScorer(const Pack& pack, const Alike& alike, const std::vector<std::int64_t>& rows, const Tokenizer& tokenizer,
                const std::string& inputs, const ScorerTraining& options, const std::function<void()>& on_step = {});

  // Of each of `judged`'s rows, the mean over `draws` sets of candidates.
  std::vector<Evidence> judge(const Pack& pack, const Candidates& judged, std::int64_t draws) const;

 private:
  struct Embedded {
    torch::Tensor queries, keys;  // [N,C,h,w] bfloat16
  };
  Embedded embed(const Pack& pack, const std::vector<std::int64_t>& rows) const;
  // Scores of each row's candidates, its own first: [N,K] float32, -inf behind the last where there are fewer.
  torch::Tensor candidate_scores(const Embedded& embedded, const Candidates& rows, std::int64_t draw) const;
  void train(const Pack& pack, const Candidates& rows, const std::function<void()>& between, std::int64_t every,
             const std::function<void()>& on_step);

  ScorerTraining options_;
  const Tokenizer& tokenizer_;
  PairScorer scorer_;
  torch::Dtype dtype_;
  double temperature_ = 1;
};

}  // namespace cigli
