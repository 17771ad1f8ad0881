#include "decoder/model_file.h"

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "runtime/error.h"
#include "runtime/files.h"
#include "runtime/hash.h"

namespace cigli {
namespace {

constexpr const char* weights = "weights.";
constexpr const char* training = "training.";

bool starts_with(const std::string& text, const std::string& prefix) { return text.rfind(prefix, 0) == 0; }

std::string shape_text(const torch::Tensor& tensor) {
  std::ostringstream text;
  text << tensor.sizes();
  return text.str();
}

const std::string& metadata_of(const TensorFile& content, const std::string& key, const std::filesystem::path& file) {
  const auto found = content.metadata.find(key);
  if (found == content.metadata.end())
    throw Error(file.string() + ": no " + key + " in its metadata: not a cigli model");
  return found->second;
}

ModelOptions read_options(const TensorFile& content, const std::filesystem::path& file) {
  const std::string format = metadata_of(content, "cigli.format", file);
  if (format != model_format) throw Error(file.string() + ": format '" + format + "', expected '" + model_format + "'");
  const auto object = nlohmann::json::parse(metadata_of(content, "cigli.options", file), nullptr, false);
  if (!object.is_object()) throw Error(file.string() + ": its cigli.options are no JSON object");
  ModelOptions options;
  read_json(fields_of(options), object, file.string() + ": cigli.options");
  return options;
}

// Options from a damaged or hostile file may not fit together, or ask for more memory than there is.
Generator make_model(const ModelOptions& options, Tokenizer tokenizer, const std::filesystem::path& file) {
  std::string reason;
  try {
    return Generator(options, std::move(tokenizer));
  } catch (const c10::Error& error) {
    reason = error.what_without_backtrace();
  } catch (const std::exception& error) {  // Error, std::bad_alloc
    reason = error.what();
  }
  throw Error(file.string() +
              ": its options describe no model that can be built: " + reason.substr(0, reason.find('\n')));
}

std::map<std::string, torch::Tensor> named_values(const GeneratorImpl& model) {
  std::map<std::string, torch::Tensor> values;
  for (const auto& item : model.named_parameters()) values[item.key()] = item.value();
  for (const auto& item : model.named_buffers()) values[item.key()] = item.value();
  return values;
}

void load_weights(const GeneratorImpl& model, const TensorFile& content, const std::filesystem::path& file) {
  const torch::NoGradGuard no_grad;
  auto values = named_values(model);
  for (const auto& [name, tensor] : content.tensors) {
    if (starts_with(name, training)) continue;
    const auto found =
        starts_with(name, weights) ? values.find(name.substr(std::string(weights).size())) : values.end();
    if (found == values.end()) throw Error(file.string() + ": tensor " + name + " does not belong to this model");
    if (tensor.sizes() != found->second.sizes())
      throw Error(file.string() + ": tensor " + name + " is " + shape_text(tensor) + ", expected " +
                  shape_text(found->second));
    found->second.copy_(tensor);
    values.erase(found);
  }
  if (!values.empty()) throw Error(file.string() + ": tensor " + weights + values.begin()->first + " is missing");
}

// Steps behind a model file of a run folder; -1 when it does not say.
std::int64_t steps_behind(const std::filesystem::path& file) {
  const auto metadata = read_safetensors_header(file).metadata;
  const auto found = metadata.find("cigli.step");
  return found == metadata.end() ? -1 : std::strtoll(found->second.c_str(), nullptr, 10);
}

}  // namespace

TensorFile describe_model(const GeneratorImpl& model) {
  TensorFile content;
  ModelOptions options = model.options;
  content.metadata["cigli.format"] = model_format;
  content.metadata["cigli.options"] = write_json(fields_of(options)).dump();
  content.metadata["cigli.merges"] = model.tokenizer.merges_text();
  std::string& words = content.metadata["cigli.words"];
  for (const std::string& word : model.words) words += word + '\n';
  for (const auto& item : model.named_buffers()) content.tensors[weights + item.key()] = item.value();
  return content;
}

Generator build_model(const TensorFile& content, const std::filesystem::path& file) {
  const ModelOptions options = read_options(content, file);
  Tokenizer tokenizer =
      Tokenizer::from_merges_text(metadata_of(content, "cigli.merges", file), file.string() + ": cigli.merges");
  Generator model = make_model(options, std::move(tokenizer), file);
  load_weights(*model, content, file);
  std::istringstream words(metadata_of(content, "cigli.words", file));
  for (std::string word; std::getline(words, word);) model->words.push_back(word);
  return model;
}

std::filesystem::path find_model(const std::filesystem::path& path) {
  namespace fs = std::filesystem;
  if (!fs::is_directory(path)) return path;
  fs::path newest;
  std::int64_t steps = -2;
  const auto consider = [&](const fs::path& file) {
    try {
      const std::int64_t own = steps_behind(file);
      if (own <= steps) return;
      newest = file;
      steps = own;
    } catch (const Error& error) {
      std::cerr << "cigli: warning: " << error.what() << "; passed over\n";
    }
  };
  if (fs::exists(path / "model.safetensors")) consider(path / "model.safetensors");
  if (fs::is_directory(path / "checkpoints"))
    for (const auto& entry : fs::directory_iterator(path / "checkpoints"))
      if (entry.path().extension() == ".safetensors") consider(entry.path());
  if (steps == -2)
    throw Error(path.string() +
                ": no model.safetensors or checkpoint that can be read is in it; expected a run folder");
  return newest;
}

void save_model(const std::filesystem::path& file, const Generator& model, bool bfloat16,
                const std::map<std::string, std::string>& extra) {
  TensorFile content = describe_model(*model);
  content.metadata.insert(extra.begin(), extra.end());
  for (const auto& item : model->named_parameters()) content.tensors[weights + item.key()] = item.value().detach();
  if (bfloat16)
    for (auto& [name, tensor] : content.tensors)
      if (tensor.is_floating_point()) tensor = tensor.to(torch::kBFloat16);
  write_safetensors(file, content);
}

Generator load_model(const std::filesystem::path& path, ModelInfo* info) {
  const std::filesystem::path file = find_model(path);
  return load_model(MappedFile(file).bytes(), file.string(), info);
}

Generator load_model(std::string_view bytes, const std::string& name, ModelInfo* info) {
  const TensorFile content = parse_safetensors(bytes, name);
  Generator model = build_model(content, name);
  if (info != nullptr) *info = {content.metadata, sha256(bytes), name};
  return model;
}

}  // namespace cigli
