#include "runtime/safetensors.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <vector>

#include "runtime/error.h"
#include "runtime/files.h"
#include "runtime/text.h"

namespace cigli {
namespace {

using nlohmann::json;

constexpr std::uint64_t kPrefix = 8;  // the header's length, little endian, comes first
constexpr std::uint64_t kLongestHeader = 100'000'000;
constexpr std::size_t kMostDimensions = 16;
constexpr int kDeepest = 3;  // header, tensor, shape
const char* const kMetadata = "__metadata__";

struct Type {
  const char* name;
  torch::ScalarType scalar;
};

const Type kTypes[] = {{"F64", torch::kFloat64},   {"F32", torch::kFloat32}, {"F16", torch::kFloat16},
                       {"BF16", torch::kBFloat16}, {"I64", torch::kInt64},   {"I32", torch::kInt32},
                       {"I16", torch::kInt16},     {"I8", torch::kInt8},     {"U8", torch::kUInt8},
                       {"BOOL", torch::kBool}};

std::string type_names() {
  std::string names;
  for (const Type& type : kTypes) names += (names.empty() ? "" : ", ") + std::string(type.name);
  return names;
}

// A text of the file as messages show it: short, and one line.
std::string quoted(const std::string& text) {
  std::string shown = json(text.substr(0, 80)).dump(-1, ' ', true, json::error_handler_t::replace);
  return "'" + shown.substr(1, shown.size() - 2) + "'";
}

// One tensor as the header describes it; its bytes are [begin, end) of the data behind the header.
struct Entry {
  std::string name;
  torch::ScalarType scalar = torch::kFloat32;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0, end = 0;
};

struct Header {
  std::vector<Entry> entries;  // in the order of their bytes
  std::map<std::string, std::string> metadata;
  std::uint64_t data_start = 0;
};

class HeaderReader {
 public:
  HeaderReader(std::string file, std::string_view bytes) : file_(std::move(file)), bytes_(bytes) {}

  Header read() {
    const json object = parse(header_text());
    if (!object.is_object()) fail("header: expected a JSON object");
    for (const auto& [name, value] : object.items()) {
      if (name == kMetadata) {
        read_metadata(value);
      } else {
        header_.entries.push_back(read_entry(name, value));
      }
    }
    check_ranges();
    return std::move(header_);
  }

 private:
  [[noreturn]] void fail(const std::string& message) const { throw Error(file_ + ": " + message); }
  [[noreturn]] void fail(const std::string& tensor, const std::string& message) const {
    fail("tensor " + quoted(tensor) + ": " + message);
  }

  std::string_view header_text() {
    if (bytes_.size() < kPrefix) {
      fail("found " + std::to_string(bytes_.size()) + " bytes, expected a safetensors file of at least 8");
    }
    std::uint64_t length = 0;
    for (std::size_t i = kPrefix; i-- > 0;) length = length << 8 | static_cast<std::uint8_t>(bytes_[i]);
    const std::uint64_t most = std::min<std::uint64_t>(kLongestHeader, bytes_.size() - kPrefix);
    if (length > most) {
      fail("header of " + std::to_string(length) + " bytes, expected at most " + std::to_string(most) +
           (most < kLongestHeader ? " (not a safetensors file, or cut short)" : ""));
    }
    header_.data_start = kPrefix + length;
    return bytes_.substr(kPrefix, length);
  }

  json parse(std::string_view text) const {
    std::vector<std::set<std::string>> keys;
    const auto check = [&](int depth, json::parse_event_t event, json& value) {
      const bool opens = event == json::parse_event_t::object_start || event == json::parse_event_t::array_start;
      if (opens && depth >= kDeepest) fail("header: JSON nested deeper than " + std::to_string(kDeepest) + " levels");
      if (event == json::parse_event_t::object_start) keys.emplace_back();
      if (event == json::parse_event_t::object_end) keys.pop_back();
      if (event == json::parse_event_t::key && !keys.back().insert(value.get<std::string>()).second) {
        fail("header: key " + quoted(value.get<std::string>()) + " appears twice");
      }
      return true;
    };
    try {
      return json::parse(text.begin(), text.end(), check);
    } catch (const json::parse_error& error) {
      fail("header: not valid JSON at its byte " + std::to_string(error.byte));
    } catch (const json::out_of_range&) {
      fail("header: holds a number out of range");
    }
  }

  void read_metadata(const json& object) {
    if (!object.is_object()) fail("header: __metadata__: expected an object of strings");
    for (const auto& [key, value] : object.items()) {
      if (!value.is_string()) fail("header: __metadata__: " + quoted(key) + ": expected a string");
      header_.metadata[key] = value.get<std::string>();
    }
  }

  Entry read_entry(const std::string& name, const json& object) const {
    const auto member = [&](const char* key) -> const json& {
      const auto found = object.find(key);
      if (found == object.end()) fail(name, std::string("no '") + key + "', expected dtype, shape and data_offsets");
      return *found;
    };
    if (!object.is_object()) fail(name, "expected an object with dtype, shape and data_offsets");
    Entry entry;
    entry.name = name;
    entry.scalar = read_type(name, member("dtype"));
    std::uint64_t bytes = c10::elementSize(entry.scalar);
    entry.shape = read_shape(name, member("shape"), bytes);
    const json& offsets = member("data_offsets");
    if (!offsets.is_array() || offsets.size() != 2 || !offsets[0].is_number_unsigned() ||
        !offsets[1].is_number_unsigned()) {
      fail(name, "data_offsets: expected two numbers of 0 or more");
    }
    entry.begin = offsets[0].get<std::uint64_t>();
    entry.end = offsets[1].get<std::uint64_t>();
    if (entry.begin > entry.end || entry.end > bytes_.size() - header_.data_start) {
      fail(name, "data_offsets [" + std::to_string(entry.begin) + ", " + std::to_string(entry.end) +
                     "], expected a range inside the file's " + std::to_string(bytes_.size() - header_.data_start) +
                     " bytes of data");
    }
    if (entry.end - entry.begin != bytes) {
      fail(name, "found " + std::to_string(entry.end - entry.begin) + " bytes, expected " + std::to_string(bytes) +
                     " for its dtype and shape");
    }
    return entry;
  }

  torch::ScalarType read_type(const std::string& name, const json& value) const {
    if (!value.is_string()) fail(name, "dtype: expected one of " + type_names());
    const auto& text = value.get_ref<const std::string&>();
    for (const Type& type : kTypes) {
      if (text == type.name) return type.scalar;
    }
    fail(name, "dtype " + quoted(text) + ", expected one of " + type_names());
  }

  // Multiplies `bytes` by the number of elements. Zeros count as ones until all sizes are known, so that no product of
  // sizes, which LibTorch computes as strides, can overflow.
  std::vector<std::int64_t> read_shape(const std::string& name, const json& value, std::uint64_t& bytes) const {
    if (!value.is_array() || value.size() > kMostDimensions) {
      fail(name, "shape: expected a list of at most " + std::to_string(kMostDimensions) + " sizes");
    }
    std::vector<std::int64_t> shape;
    for (const json& size : value) {
      if (!size.is_number_unsigned()) fail(name, "shape: expected sizes of 0 or more");
      const auto number = size.get<std::uint64_t>();
      constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
      if (number > kMost / bytes) fail(name, "shape: the sizes' product is too large");
      bytes *= std::max<std::uint64_t>(number, 1);
      shape.push_back(static_cast<std::int64_t>(number));
    }
    if (std::find(shape.begin(), shape.end(), 0) != shape.end()) bytes = 0;
    return shape;
  }

  void check_ranges() {
    std::sort(header_.entries.begin(), header_.entries.end(), [](const Entry& a, const Entry& b) {
      return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
    });
    std::uint64_t next = 0;
    for (const Entry& entry : header_.entries) {
      if (entry.begin != next) {
        fail(entry.name, "begins at byte " + std::to_string(entry.begin) + " of the data, expected " +
                             std::to_string(next) + ": tensors " + (entry.begin < next ? "overlap" : "leave a gap"));
      }
      next = entry.end;
    }
    const std::uint64_t data = bytes_.size() - header_.data_start;
    if (next != data) {
      fail("found " + std::to_string(data) + " bytes of data, expected " + std::to_string(next) +
           " for the tensors of the header");
    }
  }

  std::string file_;
  std::string_view bytes_;
  Header header_;
};

torch::Tensor copy_of(const Entry& entry, const std::uint8_t* data) {
  // Another byte than 0 or 1 isn't a bool: truth values are read as numbers first.
  const bool truth = entry.scalar == torch::kBool;
  torch::Tensor tensor = torch::empty(entry.shape, truth ? torch::kUInt8 : entry.scalar);
  if (entry.end > entry.begin) std::memcpy(tensor.data_ptr(), data + entry.begin, entry.end - entry.begin);
  return truth ? tensor.ne(0) : tensor;
}

std::string type_name(torch::ScalarType scalar) {
  for (const Type& type : kTypes) {
    if (type.scalar == scalar) return type.name;
  }
  return "";
}

std::string header_of(const std::filesystem::path& file, const TensorFile& content) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!content.metadata.empty()) header[kMetadata] = content.metadata;
  std::uint64_t offset = 0;
  for (const auto& [name, tensor] : content.tensors) {
    const std::string where = file.string() + ": tensor " + quoted(name) + ": ";
    if (name == kMetadata) throw Error(where + "this name is kept for the metadata");
    const std::string type =
        tensor.defined() && tensor.layout() == torch::kStrided ? type_name(tensor.scalar_type()) : "";
    if (type.empty()) throw Error(where + "can't be stored, expected a dense tensor of " + type_names());
    const std::uint64_t end = offset + tensor.nbytes();
    header[name] = {{"dtype", type}, {"shape", tensor.sizes().vec()}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const nlohmann::ordered_json::type_error&) {
    throw Error(file.string() + ": a tensor's name or the metadata isn't UTF-8");
  }
  text.append((kPrefix - text.size() % kPrefix) % kPrefix, ' ');
  if (text.size() > kLongestHeader) {
    throw Error(file.string() + ": header of " + std::to_string(text.size()) + " bytes, expected at most " +
                std::to_string(kLongestHeader));
  }
  return text;
}

}  // namespace

TensorFile read_safetensors(const std::filesystem::path& file) {
  return parse_safetensors(MappedFile(file).bytes(), file.string());
}

TensorFile parse_safetensors(std::string_view bytes, const std::string& name) {
  Header header = HeaderReader(name, bytes).read();
  TensorFile content;
  content.metadata = std::move(header.metadata);
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data()) + header.data_start;
  for (const Entry& entry : header.entries) content.tensors[entry.name] = copy_of(entry, data);
  return content;
}

TensorFile read_safetensors_header(const std::filesystem::path& file) {
  const MappedFile mapped(file);
  Header header = HeaderReader(file.string(), mapped.bytes()).read();
  TensorFile content;
  content.metadata = std::move(header.metadata);
  for (const Entry& entry : header.entries) {
    content.tensors[entry.name] =
        torch::empty(entry.shape, torch::TensorOptions().dtype(entry.scalar).device(torch::kMeta));
  }
  return content;
}

void write_safetensors(const std::filesystem::path& file, const TensorFile& content) {
  const std::string header = header_of(file, content);
  std::uint8_t prefix[kPrefix];
  for (std::size_t i = 0; i < kPrefix; ++i) prefix[i] = static_cast<std::uint8_t>(header.size() >> (8 * i));
  write_file(file, [&](const ByteSink& sink) {
    sink(prefix, sizeof prefix);
    sink(header.data(), header.size());
    for (const auto& [name, tensor] : content.tensors) {
      const torch::Tensor plain = tensor.detach().cpu().contiguous();
      sink(plain.data_ptr(), plain.nbytes());
    }
  });
}

}  // namespace cigli
