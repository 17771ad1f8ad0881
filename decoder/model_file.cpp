#include "decoder/model_file.h"

#include <algorithm>
#include <future>
#include <iostream>
#include <sstream>

#include "encoders/module_file.h"
#include "runtime/error.h"
#include "runtime/files.h"
#include "runtime/hash.h"

namespace cigli {
namespace {

ModelOptions read_options(const TensorFile& content, const std::filesystem::path& file) {
  ModelOptions options;
  read_json(fields_of(options), options_of(content, model_format, file), file.string() + ": cigli.options");
  return options;
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
  put_buffers(model, content);
  return content;
}

Generator build_model(const TensorFile& content, const std::filesystem::path& file) {
  const ModelOptions options = read_options(content, file);
  Tokenizer tokenizer =
      Tokenizer::from_merges_text(metadata_of(content, "cigli.merges", file), file.string() + ": cigli.merges");
  Generator model = made_of(content, file, [&] { return Generator(options, std::move(tokenizer)); });
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
  put_parameters(*model, content);
  if (bfloat16) to_bfloat16(content);
  write_safetensors(file, content);
}

Generator load_model(const std::filesystem::path& path, ModelInfo* info) {
  const std::filesystem::path file = find_model(path);
  return load_model(MappedFile(file).bytes(), file.string(), info);
}

Generator load_model(std::string_view bytes, const std::string& name, ModelInfo* info) {
  std::future<std::string> hash;
  if (info != nullptr) hash = std::async(std::launch::async, [bytes] { return sha256(bytes); });
  const TensorFile content = parse_safetensors(bytes, name);
  Generator model = build_model(content, name);
  if (info != nullptr) *info = {content.metadata, hash.get(), name};
  return model;
}

}  // namespace cigli
