#include "runtime/torch_file.h"

#include <algorithm>
#include <cstring>

#include "runtime/error.h"
#include "runtime/files.h"
#include "runtime/pickle.h"
#include "runtime/torch_object.h"
#include "runtime/zip_archive.h"

namespace cigli {
namespace {

using Kind = PickleValue::Kind;

constexpr std::string_view kZip("PK\3\4", 4);
// The pickle of the number 0x1950a86a20f9469cfc6c, which begins a legacy stream.
constexpr std::string_view kLegacy("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e", 15);
constexpr std::int64_t kProtocol = 1001;  // the only version of the legacy stream there has been

// A tensor for the data of `storage`, of which `left` bytes remain in the file.
torch::Tensor room_for(const TorchStorage& storage, std::uint64_t left, const std::string& where) {
  if (static_cast<std::uint64_t>(storage.count) > left / c10::elementSize(storage.scalar))
    throw Error(where + "truncated: " + std::to_string(storage.count) + " elements of " +
                c10::toString(storage.scalar) + ", expected no more than the file's " + std::to_string(left) +
                " bytes can hold");
  // Another byte than 0 or 1 isn't a bool: truth values are read as numbers first.
  return torch::empty({storage.count}, storage.scalar == torch::kBool ? torch::kUInt8 : storage.scalar);
}

// The stored entries of a zip archive in memory.
class TorchArchive {
 public:
  TorchArchive(std::string_view bytes, const std::string& name)
      : name_(name), archive_(open_zip(bytes, name, ZIP_RDONLY)), left_(bytes.size()) {}

  // "PREFIX/", by which all entries' names begin.
  std::string prefix() const {
    constexpr std::string_view object = "/data.pkl";
    const std::int64_t count = zip_get_num_entries(archive_.get(), 0);
    for (std::int64_t i = 0; i < count; ++i) {
      const char* stored = zip_get_name(archive_.get(), static_cast<std::uint64_t>(i), 0);
      const std::string entry = stored == nullptr ? "" : stored;
      const std::size_t slash = entry.find('/');
      if (slash != std::string::npos && entry.substr(slash) == object) return entry.substr(0, slash + 1);
    }
    throw Error(name_ + ": a zip archive without PREFIX/data.pkl, expected one of torch.save");
  }

  bool has(const std::string& entry) const { return zip_name_locate(archive_.get(), entry.c_str(), 0) >= 0; }
  std::uint64_t left() const { return left_; }  // bytes that may still be read

  std::uint64_t size_of(const std::string& entry) const {
    zip_stat_t stat;
    if (zip_stat(archive_.get(), entry.c_str(), 0, &stat) != 0) throw Error(where(entry) + "is missing in the archive");
    constexpr std::uint64_t needed = ZIP_STAT_SIZE | ZIP_STAT_COMP_METHOD;
    if ((stat.valid & needed) != needed) throw Error(where(entry) + "damaged zip entry (no size)");
    if (stat.comp_method != ZIP_CM_STORE) throw Error(where(entry) + "a compressed entry, expected a stored one");
    // Entries may lie over one another, so all that is read counts.
    if (stat.size > left_)
      throw Error(where(entry) + std::to_string(stat.size) + " bytes, more than the file has left");
    return stat.size;
  }

  // Reads a whole entry of `size` bytes.
  void read(const std::string& entry, void* to, std::uint64_t size) {
    const ZipEntry file(zip_fopen(archive_.get(), entry.c_str(), 0));
    if (!file) throw Error(where(entry) + zip_strerror(archive_.get()));
    char beyond = 0;  // only a read at the end checks the sum
    std::uint64_t done = 0;
    std::int64_t got = 1;
    for (; done < size && got > 0; done += static_cast<std::uint64_t>(std::max<std::int64_t>(got, 0)))
      got = zip_fread(file.get(), static_cast<char*>(to) + done, size - done);
    if (done != size || zip_fread(file.get(), &beyond, 1) != 0)
      throw Error(where(entry) + "damaged zip entry (" + zip_file_strerror(file.get()) + ")");
    left_ -= size;
  }

  std::string text(const std::string& entry) {
    std::string content(size_of(entry), '\0');
    read(entry, content.data(), content.size());
    return content;
  }

  std::string where(const std::string& entry) const { return name_ + ": entry '" + printable(entry) + "': "; }

 private:
  const std::string& name_;
  ZipArchive archive_;
  std::uint64_t left_;
};

std::map<std::string, torch::Tensor> parse_zip(std::string_view bytes, const std::string& name) {
  TorchArchive archive(bytes, name);
  const std::string prefix = archive.prefix();
  if (archive.has(prefix + "constants.pkl"))
    throw Error(name + ": a TorchScript program, expected a file of torch.save (the state_dict of the loaded program)");
  if (archive.has(prefix + "byteorder")) {
    const std::string order = archive.text(prefix + "byteorder");
    if (order != "little") throw Error(name + ": byte order '" + printable(order) + "', expected 'little'");
  }
  const std::string pickle = archive.text(prefix + "data.pkl");
  TorchObject object(parse_pickle(pickle, torch_globals(), name), name, bytes.size(), 5);
  for (auto& [key, storage] : object.storages()) {
    const std::string entry = prefix + "data/" + std::string(key);
    torch::Tensor data = room_for(storage, archive.left(), archive.where(entry));
    const std::uint64_t size = archive.size_of(entry);
    if (size != data.nbytes())
      throw Error(archive.where(entry) + std::to_string(size) + " bytes, expected " + std::to_string(data.nbytes()));
    archive.read(entry, data.data_ptr(), size);
    storage.data = data;
  }
  return object.tensors();
}

// Reads one storage from the start of `rest`: the number of its elements, then the elements.
void read_legacy_storage(TorchStorage& storage, std::string_view& rest, const std::string& where) {
  std::int64_t count = 0;
  if (rest.size() < sizeof count) throw Error(where + "truncated: the file ends before it");
  std::memcpy(&count, rest.data(), sizeof count);
  rest.remove_prefix(sizeof count);
  if (count != storage.count)
    throw Error(where + std::to_string(count) + " elements, expected " + std::to_string(storage.count));
  storage.data = room_for(storage, rest.size(), where);
  if (count > 0) std::memcpy(storage.data.data_ptr(), rest.data(), storage.data.nbytes());
  rest.remove_prefix(storage.data.nbytes());
}

// Refuses what a machine of another byte order wrote.
void check_system(const Pickle& system, const std::string& name) {
  const PickleValue& root = system.values[system.root];
  if (root.kind == Kind::dictionary)
    for (std::size_t i = 0; i < root.items.size(); i += 2) {
      const PickleValue& value = system.values[root.items[i + 1]];
      if (system.values[root.items[i]].text == "little_endian" && value.kind == Kind::boolean && value.number == 1)
        return;
    }
  throw Error(name + ": a legacy stream whose system information doesn't say little_endian: True, as expected");
}

std::map<std::string, torch::Tensor> parse_legacy(std::string_view bytes, const std::string& name) {
  std::string_view rest = bytes.substr(kLegacy.size());
  const auto next = [&] {
    Pickle pickle = parse_pickle(rest, torch_globals(), name);
    rest.remove_prefix(pickle.size);
    return pickle;
  };
  const Pickle protocol = next();
  const PickleValue& version = protocol.values[protocol.root];
  if (version.kind != Kind::whole || version.number != kProtocol)
    throw Error(name + ": a legacy stream of another protocol than " + std::to_string(kProtocol));
  check_system(next(), name);
  TorchObject object(next(), name, bytes.size(), 6);
  const Pickle keys = next();
  const PickleValue& list = keys.values[keys.root];
  if (list.kind != Kind::list) throw Error(name + ": no list of storages behind the object");
  for (const std::uint32_t place : list.items) {
    const std::string_view key = keys.values[place].text;
    const auto found = object.storages().find(key);
    const std::string where = name + ": storage '" + printable(key) + "': ";
    if (found == object.storages().end()) throw Error(where + "belongs to no tensor");
    if (found->second.data.defined()) throw Error(where + "appears twice");
    read_legacy_storage(found->second, rest, where);
  }
  return object.tensors();
}

}  // namespace

TensorFile read_torch_file(const std::filesystem::path& file) {
  return parse_torch_file(MappedFile(file).bytes(), file.string());
}

TensorFile parse_torch_file(std::string_view bytes, const std::string& name) {
  if (!is_torch_file(bytes))
    throw Error(name + ": not a file of torch.save, expected a zip archive or PyTorch's older stream");
  const bool zip = bytes.substr(0, kZip.size()) == kZip;
  return {zip ? parse_zip(bytes, name) : parse_legacy(bytes, name), {}};
}

bool is_torch_file(std::string_view bytes) {
  return bytes.substr(0, kZip.size()) == kZip || bytes.substr(0, kLegacy.size()) == kLegacy;
}

}  // namespace cigli
