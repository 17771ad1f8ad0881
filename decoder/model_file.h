#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "decoder/generator.h"
#include "runtime/safetensors.h"

namespace cigli {

// A model file is a safetensors file: parameters and buffers as `weights.NAME`, and as metadata `cigli.format`,
// `cigli.options` (JSON), `cigli.merges` and `cigli.words` (one a line). A training checkpoint is a model file with
// tensors `training.*` beside. `cigli.step`, where present, counts the training steps behind the weights.

inline constexpr const char* model_format = "cigli-model-1";

// The model without its parameters: metadata and buffers. Whoever writes a file adds `weights.NAME` of all parameters.
TensorFile describe_model(const GeneratorImpl& model);

// Builds the model that the content of `file` describes; float32. Throws Error as load_model does.
Generator build_model(const TensorFile& content, const std::filesystem::path& file);

// The file itself, or a run folder's newest model or checkpoint by training step. Error when there is none.
std::filesystem::path find_model(const std::filesystem::path& path);

}  // namespace cigli
