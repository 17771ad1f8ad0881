#include "encoders/pretrained.h"

#include <c10/util/accumulate.h>
#include <torch/torch.h>

#include "runtime/error.h"
#include "runtime/files.h"
#include "runtime/hash.h"
#include "runtime/torch_file.h"

namespace cigli {

PretrainedWeights::PretrainedWeights(const std::filesystem::path& file) : name_(file.string()) {
  const std::string bytes = read_file(file);
  hash_ = sha256(bytes);
  content_ = is_torch_file(bytes) ? parse_torch_file(bytes, name_) : parse_safetensors(bytes, name_);
}

torch::Tensor PretrainedWeights::take(const std::string& name, at::IntArrayRef shape) {
  const auto found = content_.tensors.find(name);
  if (found == content_.tensors.end()) {
    faults_.push_back(name + " is missing");
  } else if (found->second.sizes() != shape) {
    faults_.push_back(name + " is " + c10::str(found->second.sizes()) + ", expected " + c10::str(shape));
  } else if (const torch::Tensor values = found->second.to(torch::kFloat32); !values.isfinite().all().item<bool>()) {
    faults_.push_back(name + " has a value that is not finite");
  } else {
    return values;
  }
  if (c10::multiply_integers(shape) > values()) check();
  return torch::zeros(shape);
}

std::int64_t PretrainedWeights::values() const {
  std::int64_t count = 0;
  for (const auto& [name, tensor] : content_.tensors) count += tensor.numel();
  return count;
}

std::int64_t PretrainedWeights::size(const std::string& name, std::int64_t dimension) const {
  const auto found = content_.tensors.find(name);
  if (found == content_.tensors.end()) throw Error(name_ + ": tensor " + name + " is missing");
  if (dimension >= found->second.dim())
    throw Error(name_ + ": tensor " + name + " is " + c10::str(found->second.sizes()) + ", expected at least " +
                std::to_string(dimension + 1) + " dimensions");
  if (found->second.numel() == 0)
    throw Error(name_ + ": tensor " + name + " is " + c10::str(found->second.sizes()) + ", without a value");
  return found->second.size(dimension);
}

void PretrainedWeights::check() const {
  constexpr std::size_t shown = 5;
  if (faults_.empty()) return;
  std::string message = name_ + ": ";
  for (std::size_t i = 0; i < std::min(shown, faults_.size()); ++i) message += (i ? "; " : "") + faults_[i];
  if (faults_.size() > shown) message += "; and " + std::to_string(faults_.size() - shown) + " more";
  throw Error(message);
}

}  // namespace cigli
