#pragma once

#include <torch/torch.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "runtime/options.h"
#include "training/adamw.h"

namespace cigli {

struct OptimizerOptions {
  std::string kind = "adamw";
  double beta1 = 0.9;
  double beta2 = 0.99;
  double epsilon = 1e-8;
  double weight_decay = 0.01;
  double clip = 1;
  double ema = 0.999;
  void visit(Fields& f);
};

// AdamW with decoupled weight decay (Loshchilov & Hutter 2019, algorithm 2), clipping by global norm, and an
// exponential moving average of the weights. With `muon`, the weights of hidden layers instead move along their
// orthogonalised Nesterov momentum (Jordan et al. 2024), scaled to 0.2 sqrt(max(m,n)) so that one learning rate serves
// both (Liu et al. 2025, eq. 4); weights of more rows than columns in square blocks, as query, key and value are.
// Masters, both moments and the average are float32, whatever the parameters are, and lie on their device. On the CPU,
// AdamW updates all of them in one pass over memory, and its results do not depend on the number of threads; elsewhere
// by LibTorch's operations on lists of tensors.
class Optimizer {
 public:
  enum Buffer { master, first_moment, second_moment, average };
  static constexpr int buffers = 4;

  // The parameters' present values become the masters and the average. Afterwards the parameters may change their
  // dtype (float32 or bfloat16) but neither their device, one of all, nor their memory layout, which must be dense.
  Optimizer(const torch::OrderedDict<std::string, torch::Tensor>& parameters, const OptimizerOptions& options);

  // Step number `step` (the first is 0). Returns the gradients' norm before clipping; when it is not finite, nothing
  // has changed. Parameters without a gradient stay as they are; weights of one dimension are not decayed. The average
  // keeps min(ema, (1 + step) / (10 + step)) of itself, so that early weights are forgotten.
  double step(std::int64_t step, double learning_rate);
  void clear_gradients();

  // Writes the masters, or the average in their place, into the parameters.
  void write_parameters(Buffer source = master);

  std::size_t size() const { return slots_.size(); }
  const std::string& name(std::size_t i) const { return slots_[i].name; }
  // A view of parameter i's share of a buffer, float32 in the parameter's shape.
  torch::Tensor view(Buffer buffer, std::size_t i) const;

 private:
  struct Slot {
    std::string name;
    torch::Tensor parameter;
    std::int64_t offset;  // of its first value in each buffer
    bool decay;
    bool hidden;  // moves by orthogonalised momentum
  };
  struct Chunk {
    std::size_t slot;
    std::int64_t begin, end;  // in the slot's memory order
  };

  bool on_cpu() const { return flat_[master].device().is_cpu(); }
  // In the parameters' layout; undefined where there is none; elsewhere than on the CPU float32.
  std::vector<torch::Tensor> gradients() const;
  double norm(const std::vector<torch::Tensor>& gradients) const;
  float* values(Buffer buffer, const Chunk& chunk);
  void step_adamw(const std::vector<torch::Tensor>& gradients, const AdamwScalars& scalars, float shrink);
  void step_adamw_lists(const std::vector<torch::Tensor>& gradients, const AdamwScalars& scalars, float shrink);
  void step_hidden(std::size_t i, const torch::Tensor& gradient, double gradient_scale, double learning_rate,
                   double average_rest);

  OptimizerOptions options_;
  std::vector<Slot> slots_;
  std::vector<Chunk> chunks_;
  std::array<torch::Tensor, buffers> flat_;
};

}  // namespace cigli
