#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "runtime/safetensors.h"

namespace cigli {

// Reads the weights in a file of PyTorch's torch.save (.pth, .pt): the zip of today (PyTorch 1.6 on) and the legacy
// stream before it. Their pickles are programs; this reads the part of the language that tensors, strings, numbers and
// plain containers of them need, and refuses any other opcode or global, by name: nothing in a file is ever run. A
// tensor's name is its path through dictionaries, lists and tuples, joined by dots ("" for a lone tensor); each is a
// contiguous copy, with at most as many elements as its storage has. Whatever is no tensor is passed over. Throws Error
// naming the file, what was found and what was expected.
TensorFile read_torch_file(const std::filesystem::path& file);
// The same from memory; `name` stands for the file in messages.
TensorFile parse_torch_file(std::string_view bytes, const std::string& name);
// Whether bytes begin as such a file does.
bool is_torch_file(std::string_view bytes);

}  // namespace cigli
