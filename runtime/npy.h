#pragma once

#include <torch/types.h>

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

namespace cigli {

// Reads NumPy's array format (.npy, versions 1.0 to 3.0) into a tensor in C order, whatever the file's order and byte
// order. Unsigned types that tensors lack come as int64. Throws Error naming the file, what was found and what was
// expected; Python objects are refused.
torch::Tensor read_npy(const std::filesystem::path& file);
// The same from memory; `name` stands for the file in messages.
torch::Tensor parse_npy(std::string_view bytes, const std::string& name);

// The bytes of a version 1.0 file, and the same written atomically.
std::string npy_bytes(const torch::Tensor& array);
void write_npy(const std::filesystem::path& file, const torch::Tensor& array);

// Named arrays in one zip file (.npz), stored or deflated. Throws Error naming the file and the array.
std::map<std::string, torch::Tensor> read_npz(const std::filesystem::path& file);
void write_npz(const std::filesystem::path& file, const std::map<std::string, torch::Tensor>& arrays);

}  // namespace cigli
