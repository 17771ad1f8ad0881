#pragma once

#include <torch/types.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/pickle.h"

namespace cigli {

// The elements of one or more tensors, as a pickle announces them; they lie elsewhere in the file.
struct TorchStorage {
  torch::ScalarType scalar = torch::kFloat32;
  std::int64_t count = 0;
  torch::Tensor data;  // [count], of `scalar`, or uint8 for bool; undefined until it is read
};

// The globals of such pickles, for parse_pickle.
const std::vector<std::string_view>& torch_globals();

// What a pickle of torch.save describes. Throws Error naming the file, the storage or tensor and what was expected.
class TorchObject {
 public:
  // `name` must outlive this; `file_bytes` bounds what the tensors may take; a storage's persistent id has `id_size`
  // members.
  TorchObject(Pickle pickle, const std::string& name, std::size_t file_bytes, std::size_t id_size);

  // By key; the caller reads their data.
  std::map<std::string_view, TorchStorage>& storages() { return storages_; }
  // Contiguous copies, by their paths through the containers, "" for a lone tensor. Each lies inside its storage and
  // has no more elements than it.
  std::map<std::string, torch::Tensor> tensors();

 private:
  [[noreturn]] void fail(const std::string& what) const;
  [[noreturn]] void fail_here(const std::string& what) const;

  const PickleValue& at(std::uint32_t place) const { return pickle_.values[place]; }
  const PickleValue& at(const PickleValue& value, std::size_t i) const { return at(value.items[i]); }

  void add_storage(const PickleValue& id);
  void visit(std::uint32_t place, int depth);
  std::string key_text(const PickleValue& key) const;
  void add_tensor(const PickleValue& call);
  torch::Tensor rebuilt(const PickleValue& call);
  std::int64_t whole(const PickleValue& value) const;
  std::vector<std::int64_t> wholes(const PickleValue& value) const;
  std::uint64_t checked_bytes(const TorchStorage& storage, std::int64_t offset, const std::vector<std::int64_t>& size,
                              const std::vector<std::int64_t>& stride) const;

  Pickle pickle_;
  const std::string& name_;
  std::uint64_t left_;
  std::size_t id_size_, visits_ = 0;
  std::map<std::string_view, TorchStorage> storages_;
  std::map<std::string, torch::Tensor> tensors_;
  std::string path_;
};

}  // namespace cigli
