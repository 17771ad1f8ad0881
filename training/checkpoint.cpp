#include "training/checkpoint.h"

#include <algorithm>
#include <cstdio>
#include <iostream>

#include "decoder/model_file.h"
#include "runtime/error.h"
#include "runtime/files.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;

// Where each of the optimiser's buffers lives in the file: of the generator, or of a network beside it.
std::vector<std::pair<Optimizer::Buffer, std::string>> prefixes(const std::string& network) {
  const std::string training = network.empty() ? "training." : "training." + network + ".";
  std::vector<std::pair<Optimizer::Buffer, std::string>> all{{Optimizer::master, training + "master."},
                                                             {Optimizer::first_moment, training + "m."},
                                                             {Optimizer::second_moment, training + "v."}};
  if (network.empty()) all.emplace_back(Optimizer::average, "weights.");
  return all;
}

nlohmann::json to_json(const TrainingState& s) {
  return {{"step", s.step},       {"elapsed", s.elapsed},    {"loss_sum", s.loss_sum},     {"norm_sum", s.norm_sum},
          {"summed", s.summed},   {"seed", s.seed},          {"batch_size", s.batch_size}, {"data", s.data},
          {"teacher", s.teacher}, {"more_sums", s.more_sums}};
}

TrainingState state_of(const TensorFile& content, const fs::path& file) {
  const auto found = content.metadata.find("training.state");
  if (found == content.metadata.end())
    throw Error(file.string() + ": no training.state in its metadata: not a training checkpoint");
  try {
    const nlohmann::json json = nlohmann::json::parse(found->second);
    for (const char* count : {"step", "summed", "elapsed"})
      if (json.at(count).get<double>() < 0)
        throw Error(file.string() + ": its training.state is broken: " + count + " is negative");
    return {json.at("step"),
            json.at("elapsed"),
            json.at("loss_sum"),
            json.at("norm_sum"),
            json.at("summed"),
            json.at("seed"),
            json.at("batch_size"),
            json.at("data"),
            json.value("teacher", std::string()),
            json.value("more_sums", std::map<std::string, double>())};
  } catch (const nlohmann::json::exception& error) {
    throw Error(file.string() + ": its training.state is broken: " + error.what());
  }
}

TensorFile averaged_model(const GeneratorImpl& model, const Optimizer& optimizer, std::int64_t step) {
  TensorFile content = describe_model(model);
  content.metadata["cigli.step"] = std::to_string(step);
  for (std::size_t i = 0; i < optimizer.size(); ++i)
    content.tensors["weights." + optimizer.name(i)] = optimizer.view(Optimizer::average, i);
  return content;
}

fs::path checkpoint_file(const fs::path& run, std::int64_t step) {
  char name[48];
  std::snprintf(name, sizeof name, "step-%08lld.safetensors", static_cast<long long>(step));
  return run / "checkpoints" / name;
}

}  // namespace

void save_checkpoint(const fs::path& run, const CheckpointParts& parts) {
  TensorFile content = averaged_model(parts.model, parts.optimizer, parts.state.step);
  content.metadata["training.state"] = to_json(parts.state).dump();
  content.metadata["training.options"] = parts.options.dump();
  const auto add = [&](const Optimizer& optimizer, const std::string& network) {
    for (const auto& [buffer, prefix] : prefixes(network))
      for (std::size_t i = 0; i < optimizer.size(); ++i)
        content.tensors[prefix + optimizer.name(i)] = optimizer.view(buffer, i);
  };
  add(parts.optimizer, "");
  for (const auto& [network, optimizer] : parts.networks) add(*optimizer, network);
  make_folder(run / "checkpoints");
  write_safetensors(checkpoint_file(run, parts.state.step), content);
}

void save_averaged_model(const fs::path& file, const GeneratorImpl& model, const Optimizer& optimizer,
                         std::int64_t step) {
  write_safetensors(file, averaged_model(model, optimizer, step));
}

std::vector<fs::path> list_checkpoints(const fs::path& run) {
  std::vector<fs::path> files;
  if (!fs::is_directory(run / "checkpoints")) return files;
  for (const auto& entry : fs::directory_iterator(run / "checkpoints")) {
    const std::string name = entry.path().filename().string();
    if (name.rfind("step-", 0) == 0 && entry.path().extension() == ".safetensors") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

void prune_checkpoints(const fs::path& run, std::int64_t keep, std::int64_t step) {
  std::vector<fs::path> files = list_checkpoints(run);
  for (; !files.empty() && files.back() > checkpoint_file(run, step); files.pop_back()) fs::remove(files.back());
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(files.size()) - keep; ++i)
    fs::remove(files[static_cast<std::size_t>(i)]);
}

Checkpoint read_checkpoint(const fs::path& file) {
  TensorFile content = read_safetensors(file);
  const TrainingState state = state_of(content, file);
  return {file, std::move(content), state};
}

std::optional<Checkpoint> read_newest_checkpoint(const fs::path& run) {
  std::vector<fs::path> files = list_checkpoints(run);
  if (files.empty()) return std::nullopt;
  std::string first_fault;
  for (; !files.empty(); files.pop_back()) {
    try {
      return read_checkpoint(files.back());
    } catch (const Error& error) {
      if (first_fault.empty()) first_fault = error.what();
      std::cerr << "cigli: warning: " << error.what() << "; passed over\n";
    }
  }
  throw Error(first_fault + " (and no older checkpoint can be read)");
}

void restore_optimizer(const Checkpoint& checkpoint, Optimizer& optimizer, const std::string& network) {
  const torch::NoGradGuard no_grad;
  for (const auto& [buffer, prefix] : prefixes(network))
    for (std::size_t i = 0; i < optimizer.size(); ++i) {
      const std::string name = prefix + optimizer.name(i);
      const auto found = checkpoint.content.tensors.find(name);
      if (found == checkpoint.content.tensors.end())
        throw Error(checkpoint.file.string() + ": tensor " + name + " is missing");
      torch::Tensor view = optimizer.view(buffer, i);
      if (found->second.sizes() != view.sizes())
        throw Error(checkpoint.file.string() + ": tensor " + name + " has another shape than this model's");
      view.copy_(found->second);
    }
  optimizer.write_parameters();
}

}  // namespace cigli
