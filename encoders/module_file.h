#pragma once

#include <torch/torch.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "encoders/layers/linear.h"
#include "runtime/error.h"
#include "runtime/safetensors.h"

namespace cigli {

// What the files of our own models have in common: parameters and buffers as `weights.NAME`, and as metadata
// `cigli.format` and `cigli.options` (JSON).

// Adds the module's buffers, and its parameters.
void put_buffers(const torch::nn::Module& module, TensorFile& content);
void put_parameters(const torch::nn::Module& module, TensorFile& content);
// Rounds all floating-point tensors.
void to_bfloat16(TensorFile& content);

// Sets parameters and buffers to what the file has; its tensors `training.*` are passed over. Throws Error naming a
// tensor that is missing, misshapen, none of the module's or not finite.
void load_weights(torch::nn::Module& module, const TensorFile& content, const std::filesystem::path& file);

// A metadata entry, and the options, of a file of this format; throws Error where it is another or has none.
const std::string& metadata_of(const TensorFile& content, const std::string& key, const std::filesystem::path& file);
nlohmann::json options_of(const TensorFile& content, const std::string& format, const std::filesystem::path& file);

// The most weights that a module may have for load_weights to take it up with the file: far more than the file has, so
// that it can name what is missing, but not any number.
std::int64_t most_weights(const TensorFile& content);

// What `make` makes for load_weights, without initial weights. Options from a damaged or hostile file may not fit
// together, or ask for any amount of memory: whatever `make` throws comes as an Error that names the file.
template <class Make>
auto made_of(const TensorFile& content, const std::filesystem::path& file, const Make& make) {
  std::string reason;
  try {
    const WeightsFollow no_initial_weights(most_weights(content));
    return make();
  } catch (const c10::Error& error) {
    reason = error.what_without_backtrace();
  } catch (const std::exception& error) {  // Error, std::bad_alloc
    reason = error.what();
  }
  throw Error(file.string() +
              ": its options describe no model that can be built: " + reason.substr(0, reason.find('\n')));
}

}  // namespace cigli
