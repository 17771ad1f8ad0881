#pragma once

#include <torch/types.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace cigli {

// Computations on a GPU, each recorded as a CUDA graph when it is asked for again and from then on replayed: the
// hundreds of kernels of a sampler's way start by one call, and nothing waits for the processor between them. On other
// devices they just run.
class GraphCache {
 public:
  using Computation = std::function<torch::Tensor(const std::vector<torch::Tensor>&)>;

  // What `compute` makes of `inputs`, the first of which is defined; undefined ones stay so. Beside their values the
  // outcome may depend on memory (weights) whose place is in `key`, and on nothing else that isn't; `compute` must not
  // wait for the device. No gradients.
  torch::Tensor operator()(const std::string& key, const std::vector<torch::Tensor>& inputs,
                           const Computation& compute);

  // Gives up all recordings, which hold memory of their own.
  void clear() { recordings_.clear(); }

 private:
  struct Recording;
  std::map<std::string, std::shared_ptr<Recording>> recordings_;  // by key, shapes and types
};

}  // namespace cigli
