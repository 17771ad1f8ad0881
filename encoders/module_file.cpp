#include "encoders/module_file.h"

#include <cmath>
#include <map>

namespace cigli {
namespace {

constexpr const char* weights = "weights.";
constexpr const char* training = "training.";

bool starts_with(const std::string& text, const std::string& prefix) { return text.rfind(prefix, 0) == 0; }

bool is_finite(const torch::Tensor& values) {
  if (!values.is_floating_point() || values.numel() == 0) return true;
  const auto [least, most] = values.aminmax();  // a value that is no number is both
  return std::isfinite(least.item<double>()) && std::isfinite(most.item<double>());
}

}  // namespace

void put_buffers(const torch::nn::Module& module, TensorFile& content) {
  for (const auto& item : module.named_buffers()) content.tensors[weights + item.key()] = item.value();
}

void put_parameters(const torch::nn::Module& module, TensorFile& content) {
  for (const auto& item : module.named_parameters()) content.tensors[weights + item.key()] = item.value().detach();
}

void to_bfloat16(TensorFile& content) {
  for (auto& [name, tensor] : content.tensors)
    if (tensor.is_floating_point()) tensor = tensor.to(torch::kBFloat16);
}

std::int64_t most_weights(const TensorFile& content) {
  std::int64_t count = 0;
  for (const auto& [name, tensor] : content.tensors)
    if (!starts_with(name, training)) count += tensor.numel();
  return 2 * count + (std::int64_t{1} << 24);
}

void load_weights(torch::nn::Module& module, const TensorFile& content, const std::filesystem::path& file) {
  const torch::NoGradGuard no_grad;
  std::map<std::string, torch::Tensor> values;
  for (const auto& item : module.named_parameters()) values[item.key()] = item.value();
  for (const auto& item : module.named_buffers()) values[item.key()] = item.value();
  for (const auto& [name, tensor] : content.tensors) {
    if (starts_with(name, training)) continue;
    const auto found =
        starts_with(name, weights) ? values.find(name.substr(std::string(weights).size())) : values.end();
    if (found == values.end()) throw Error(file.string() + ": tensor " + name + " does not belong to this model");
    if (tensor.sizes() != found->second.sizes())
      throw Error(file.string() + ": tensor " + name + " is " + c10::str(tensor.sizes()) + ", expected " +
                  c10::str(found->second.sizes()));
    found->second.copy_(tensor);
    if (!is_finite(found->second)) throw Error(file.string() + ": tensor " + name + " has a value that is not finite");
    values.erase(found);
  }
  if (!values.empty()) throw Error(file.string() + ": tensor " + weights + values.begin()->first + " is missing");
}

const std::string& metadata_of(const TensorFile& content, const std::string& key, const std::filesystem::path& file) {
  const auto found = content.metadata.find(key);
  if (found == content.metadata.end())
    throw Error(file.string() + ": no " + key + " in its metadata: not a cigli model");
  return found->second;
}

nlohmann::json options_of(const TensorFile& content, const std::string& format, const std::filesystem::path& file) {
  const std::string found = metadata_of(content, "cigli.format", file);
  if (found != format) throw Error(file.string() + ": format '" + found + "', expected '" + format + "'");
  auto object = nlohmann::json::parse(metadata_of(content, "cigli.options", file), nullptr, false);
  if (!object.is_object()) throw Error(file.string() + ": its cigli.options are no JSON object");
  return object;
}

}  // namespace cigli
