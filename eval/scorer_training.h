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
  double learning_rate = 3e-3;
  std::int64_t candidates = 32;  // that a row's own target is to be told from when the scorer is chosen, own included
  bool symmetric = false;  // also to tell which query a target belongs to: scores then compare across queries, too
  std::uint64_t seed = 0;
  torch::Device device = torch::kCPU;
};

class TrainedScorer {
 public:
  // Learns to tell targets of the `rows` of `pack` from each other: batches hold rows that share their prompt or their
  // sentence beside each other (the hard negatives) and others. An eighth of the prompts is held out; of eight states
  // of the averaged weights that which gives them most evidence is kept. `on_step` is called after each step and may
  // throw. Throws Error unless `rows` has two different prompts, or when the training diverges.
  TrainedScorer(const Pack& pack, const Alike& alike, const std::vector<std::int64_t>& rows, const Tokenizer& tokenizer,
                const std::string& inputs, const ScorerTraining& options, const std::function<void()>& on_step = {});

  // Scores [draws,N,K] of `judged`'s rows, as eval/evidence.h has them. The candidates are a function of `judged` and
  // the options' seed: scorers of one seed judge the same ones.
  torch::Tensor scores(const Pack& pack, const Candidates& judged, std::int64_t draws) const;

  // The network, in the type that it was trained in.
  const PairScorer& network() const { return scorer_; }
  // Rows of the pack that were held out: a function of `rows` and the options' seed.
  const std::vector<std::int64_t>& held_out() const { return held_out_; }

 private:
  struct Embedded {
    torch::Tensor queries, keys;  // [N,C,h,w] bfloat16, on the CPU
  };
  Embedded embed(const Pack& pack, const std::vector<std::int64_t>& rows) const;
  void train(const Pack& pack, const Candidates& rows, const std::function<void()>& between, std::int64_t every,
             const std::function<void()>& on_step);

  ScorerTraining options_;
  const Tokenizer& tokenizer_;
  PairScorer scorer_;
  torch::Dtype dtype_;
  std::vector<std::int64_t> held_out_;
};

}  // namespace cigli
