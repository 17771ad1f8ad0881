#include "runtime/torch_object.h"

#include <algorithm>
#include <utility>

#include "runtime/error.h"
#include "runtime/text.h"

namespace cigli {
namespace {

using Kind = PickleValue::Kind;

constexpr std::size_t kMostTorchDimensions = 16;
constexpr std::size_t kMostTensors = 100'000;
constexpr std::size_t kMostVisits = std::size_t{1} << 22;  // values on all paths: shared ones count each time
constexpr std::size_t kLongestName = 1000, kLongestKey = 100;
constexpr int kDeepestValue = 64;
constexpr std::uint64_t kMostCopies = 16;  // bytes of tensors for each of the file's, as tensors may share storages

constexpr std::string_view kRebuild = "torch._utils._rebuild_tensor", kRebuild2 = "torch._utils._rebuild_tensor_v2";
constexpr std::string_view kSize = "torch.Size";
constexpr std::string_view kRebuildParameter = "torch._utils._rebuild_parameter";

struct StorageType {
  std::string_view storage;
  torch::ScalarType scalar;
};

const StorageType kStorageTypes[] = {
    {"torch.DoubleStorage", torch::kFloat64}, {"torch.FloatStorage", torch::kFloat32},
    {"torch.HalfStorage", torch::kFloat16},   {"torch.BFloat16Storage", torch::kBFloat16},
    {"torch.LongStorage", torch::kInt64},     {"torch.IntStorage", torch::kInt32},
    {"torch.ShortStorage", torch::kInt16},    {"torch.CharStorage", torch::kInt8},
    {"torch.ByteStorage", torch::kUInt8},     {"torch.BoolStorage", torch::kBool}};

bool may_hold_tensors(const PickleValue& value) {
  return value.kind == Kind::call || (!value.items.empty() && value.kind != Kind::persistent);
}

}  // namespace

const std::vector<std::string_view>& torch_globals() {
  static const std::vector<std::string_view> globals = [] {
    std::vector<std::string_view> names = {kRebuild,        kRebuild2, kRebuildParameter,
                                           kTorchParameter, kSize,     "collections.OrderedDict"};
    for (const StorageType& type : kStorageTypes) names.push_back(type.storage);
    return names;
  }();
  return globals;
}

TorchObject::TorchObject(Pickle pickle, const std::string& name, std::size_t file_bytes, std::size_t id_size)
    : pickle_(std::move(pickle)), name_(name), left_(kMostCopies * file_bytes), id_size_(id_size) {
  for (const PickleValue& value : pickle_.values)
    if (value.kind == Kind::persistent) add_storage(at(value.items[0]));
}

std::map<std::string, torch::Tensor> TorchObject::tensors() {
  visit(pickle_.root, 0);
  return std::move(tensors_);
}

void TorchObject::fail(const std::string& what) const { throw Error(name_ + ": " + what); }

void TorchObject::fail_here(const std::string& what) const { fail("tensor '" + printable(path_) + "': " + what); }

void TorchObject::add_storage(const PickleValue& id) {
  if (id.kind != Kind::tuple || id.items.size() != id_size_ || at(id, 0).text != "storage" ||
      at(id, 1).kind != Kind::global || at(id, 2).kind != Kind::text || at(id, 4).kind != Kind::whole)
    fail("a persistent id that isn't ('storage', type, key, location, number of elements" +
         std::string(id_size_ == 6 ? ", view)" : ")"));
  const std::string where = "storage '" + printable(at(id, 2).text) + "': ";
  if (at(id, 2).text.size() > kLongestKey) fail(where + "a key of more than " + std::to_string(kLongestKey) + " bytes");
  const StorageType* type = std::find_if(std::begin(kStorageTypes), std::end(kStorageTypes),
                                         [&](const StorageType& known) { return known.storage == at(id, 1).text; });
  if (type == std::end(kStorageTypes))
    fail(where + "type " + std::string(at(id, 1).text) + ", expected torch.FloatStorage or another");
  if (id_size_ == 6 && at(id, 5).kind != Kind::none)
    fail(where + "a view of another storage, which old versions of PyTorch wrote; expected a whole one");
  const std::int64_t count = at(id, 4).number;
  if (count < 0) fail(where + std::to_string(count) + " elements, expected 0 or more");
  const auto [found, added] = storages_.emplace(at(id, 2).text, TorchStorage{type->scalar, count, {}});
  if (!added && (found->second.scalar != type->scalar || found->second.count != count))
    fail(where + "announced twice, with different types or sizes");
}

void TorchObject::visit(std::uint32_t place, int depth) {
  const PickleValue& value = at(place);
  if (depth > kDeepestValue) fail("values nested deeper than " + std::to_string(kDeepestValue) + " levels");
  if (value.kind == Kind::call && value.text != kSize) add_tensor(value);
  const bool dictionary = value.kind == Kind::dictionary;
  if (!dictionary && value.kind != Kind::list && value.kind != Kind::tuple) return;
  const std::size_t width = dictionary ? 2 : 1;
  for (std::size_t i = 0; i < value.items.size(); i += width) {
    if (++visits_ > kMostVisits) fail("more than " + std::to_string(kMostVisits) + " values");
    const std::uint32_t item = value.items[i + width - 1];
    if (!may_hold_tensors(at(item))) continue;
    const std::size_t length = path_.size();
    if (depth > 0) path_ += '.';
    path_ += dictionary ? key_text(at(value, i)) : std::to_string(i);
    if (path_.size() > kLongestName) fail_here("a name of more than " + std::to_string(kLongestName) + " bytes");
    visit(item, depth + 1);
    path_.resize(length);
  }
}

std::string TorchObject::key_text(const PickleValue& key) const {
  if (key.kind == Kind::whole) return std::to_string(key.number);
  const std::string_view text = key.text.substr(0, kLongestName + 1);
  if (key.kind != Kind::text || (text.size() <= kLongestName && invalid_utf8(text) != std::string_view::npos))
    fail("a key in '" + printable(path_) + "' that is neither UTF-8 text nor an integer");
  return std::string(text);
}

void TorchObject::add_tensor(const PickleValue& call) {
  const PickleValue* inner = &call;
  if (call.text == kTorchParameter || call.text == kRebuildParameter) {
    const PickleValue& arguments = at(call, 0);
    const std::size_t count = arguments.items.size();
    if (count == 0 || count > 3 || at(arguments, 0).kind != Kind::call) fail_here("a parameter of no tensor");
    inner = &at(arguments, 0);
  }
  if (inner->text != kRebuild && inner->text != kRebuild2)
    fail_here("a call of " + std::string(inner->text) + ", expected one of " + std::string(kRebuild2));
  if (tensors_.size() == kMostTensors) fail("more than " + std::to_string(kMostTensors) + " tensors");
  if (!tensors_.emplace(path_, rebuilt(*inner)).second) fail_here("appears twice");
}

torch::Tensor TorchObject::rebuilt(const PickleValue& call) {
  const PickleValue& arguments = at(call, 0);
  const std::size_t count = arguments.items.size();
  if (call.text == kRebuild ? count != 4 : count != 6 && count != 7)
    fail_here(std::to_string(count) + " arguments of " + std::string(call.text));
  if (count == 7 && (at(arguments, 6).kind != Kind::none && !at(arguments, 6).items.empty()))
    fail_here("conjugate or negative bits, which aren't read");
  if (at(arguments, 0).kind != Kind::persistent) fail_here("no storage");
  const PickleValue& key = at(at(at(arguments, 0), 0), 2);
  const TorchStorage& storage = storages_.at(key.text);
  if (!storage.data.defined()) fail_here("its storage '" + printable(key.text) + "' is not in the file");
  const std::int64_t offset = whole(at(arguments, 1));
  const std::vector<std::int64_t> size = wholes(at(arguments, 2)), stride = wholes(at(arguments, 3));
  if (size.size() != stride.size()) fail_here("a size and a stride of different lengths");
  const std::uint64_t bytes = checked_bytes(storage, offset, size, stride);
  if (bytes > left_)
    fail_here("tensors of more than " + std::to_string(kMostCopies) + " times the file's bytes altogether");
  left_ -= bytes;
  if (bytes == 0) return torch::empty(size, storage.scalar);
  const torch::Tensor view = storage.data.as_strided(size, stride, offset);
  return storage.scalar == torch::kBool ? view.ne(0).contiguous() : view.clone(torch::MemoryFormat::Contiguous);
}

std::int64_t TorchObject::whole(const PickleValue& value) const {
  if (value.kind != Kind::whole || value.number < 0)
    fail_here("its offset, size and stride: expected integers of 0 or more");
  return value.number;
}

std::vector<std::int64_t> TorchObject::wholes(const PickleValue& value) const {
  if (value.kind == Kind::call && value.text == kSize && at(value, 0).items.size() == 1 &&
      at(at(value, 0), 0).kind == Kind::tuple)
    return wholes(at(at(value, 0), 0));
  if (value.kind != Kind::tuple || value.items.size() > kMostTorchDimensions)
    fail_here("its size and stride: expected tuples of at most " + std::to_string(kMostTorchDimensions) + " integers");
  std::vector<std::int64_t> numbers;
  for (const std::uint32_t item : value.items) numbers.push_back(whole(at(item)));
  return numbers;
}

// The tensor's bytes, all of whose elements lie in the storage and are no more than it has.
std::uint64_t TorchObject::checked_bytes(const TorchStorage& storage, std::int64_t offset,
                                         const std::vector<std::int64_t>& size,
                                         const std::vector<std::int64_t>& stride) const {
  const std::string has = "its storage has " + std::to_string(storage.count) + " elements";
  std::int64_t count = 1, last = offset;
  bool empty = false, overflow = false;
  for (std::size_t i = 0; i < size.size(); ++i) {
    std::int64_t reach = 0;
    empty = empty || size[i] == 0;
    const std::int64_t some = std::max<std::int64_t>(size[i], 1);  // LibTorch multiplies the sizes beside a 0, too
    overflow = overflow || __builtin_mul_overflow(count, some, &count) ||
               __builtin_mul_overflow(some - 1, stride[i], &reach) || __builtin_add_overflow(last, reach, &last);
  }
  if (overflow) fail_here("a size or stride beyond all bounds; " + has);
  if (empty) return 0;
  if (count > storage.count) fail_here(std::to_string(count) + " elements, but " + has);
  if (last >= storage.count) fail_here("reaches element " + std::to_string(last) + ", but " + has);
  return static_cast<std::uint64_t>(count) * c10::elementSize(storage.scalar);
}

}  // namespace cigli
