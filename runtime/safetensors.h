#pragma once

#include <torch/types.h>

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

namespace cigli {

// Contents of a safetensors file: named tensors and the string-to-string `__metadata__`.
struct TensorFile {
  std::map<std::string, torch::Tensor> tensors;
  std::map<std::string, std::string> metadata;
};

// Reads a safetensors file (copies; the file may be replaced afterwards). Every field of the header is checked before
// use: header length (<= 100 MB and inside the file), JSON depth, dtype and shape against the byte range, ranges inside
// the file, without overlap or gap. Throws Error naming the file, the tensor and what was expected.
TensorFile read_safetensors(const std::filesystem::path& file);
// The same from memory; `name` stands for the file in messages.
TensorFile parse_safetensors(std::string_view bytes, const std::string& name);

// Metadata and tensor shapes alone, without reading the data (tensors are empty meta tensors on the right shape).
TensorFile read_safetensors_header(const std::filesystem::path& file);

// Writes atomically, tensors in name order, contiguous, 8-byte aligned header: the same input gives the same bytes.
void write_safetensors(const std::filesystem::path& file, const TensorFile& content);

}  // namespace cigli
