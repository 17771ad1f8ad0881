#pragma once

#include <torch/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "runtime/safetensors.h"

namespace cigli {

// Weights that others trained, by the names that they gave them. A network takes tensor by tensor what it is made of;
// what is missing or has another shape is remembered and told at once by `check`.
class PretrainedWeights {
 public:
  // A safetensors file, or one that torch.save wrote (.pth); told apart by their first bytes. Throws Error.
  explicit PretrainedWeights(const std::filesystem::path& file);
  // Tensors at hand; `name` stands for the file in messages.
  PretrainedWeights(TensorFile content, std::string name) : content_(std::move(content)), name_(std::move(name)) {}

  // The tensor of this name as float32; zeros of `shape` where it can't be had. Where they would be more than all that
  // the file has, throws what `check` does.
  torch::Tensor take(const std::string& name, at::IntArrayRef shape);
  bool has(const std::string& name) const { return content_.tensors.count(name) > 0; }
  // Length of a tensor's dimension; throws Error where there is none of the name or the dimension, or no value in it.
  std::int64_t size(const std::string& name, std::int64_t dimension) const;
  // Throws Error naming the file and what `take` did not find as it should be.
  void check() const;

  const std::string& name() const { return name_; }
  const std::string& hash() const { return hash_; }  // SHA-256 of the file; "" of tensors at hand

 private:
  std::int64_t values() const;  // in all tensors

  TensorFile content_;
  std::string name_, hash_;
  std::vector<std::string> faults_;
};

}  // namespace cigli
