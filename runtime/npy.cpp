#include "runtime/npy.h"

#include <cctype>
#include <cstring>
#include <optional>
#include <vector>

#include "runtime/error.h"
#include "runtime/files.h"

namespace cigli {
namespace {

constexpr std::string_view kMagic("\x93NUMPY", 6);
constexpr std::size_t kMostNpyDimensions = 16;

struct NpyType {
  std::string_view name;  // without the byte order
  torch::ScalarType scalar;
  std::int64_t size;     // bytes an element in the file
  bool widened = false;  // an unsigned type that becomes int64
};

const NpyType kNpyTypes[] = {
    {"f8", torch::kFloat64, 8},     {"f4", torch::kFloat32, 4},     {"f2", torch::kFloat16, 2},
    {"i8", torch::kInt64, 8},       {"i4", torch::kInt32, 4},       {"i2", torch::kInt16, 2},
    {"i1", torch::kInt8, 1},        {"u1", torch::kUInt8, 1},       {"b1", torch::kBool, 1},
    {"u2", torch::kInt64, 2, true}, {"u4", torch::kInt64, 4, true}, {"u8", torch::kInt64, 8, true}};

struct NpyHeader {
  NpyType type;
  bool swapped = false, fortran_order = false;
  std::vector<std::int64_t> shape;
  std::size_t data_start = 0;
};

// Reads the header, the text of a Python dictionary like {'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }.
class NpyHeaderReader {
 public:
  NpyHeaderReader(std::string_view bytes, const std::string& name) : bytes_(bytes), name_(name) {}

  NpyHeader read() {
    if (bytes_.substr(0, kMagic.size()) != kMagic) fail("not a NumPy array file");
    if (bytes_.size() < 10) fail("truncated: it ends inside its header");
    const int version = bytes_[6], length_size = version == 1 ? 2 : 4;
    if (version < 1 || version > 3) fail("format version " + std::to_string(version) + ", expected 1, 2 or 3");
    std::size_t length = 0;
    for (int i = length_size - 1; i >= 0; --i)
      length = length << 8 | static_cast<std::uint8_t>(bytes_[8 + static_cast<std::size_t>(i)]);
    header_.data_start = 8 + static_cast<std::size_t>(length_size) + length;
    if (header_.data_start > bytes_.size()) fail("truncated: it ends inside its header");
    text_ = bytes_.substr(8 + static_cast<std::size_t>(length_size), length);
    read_dictionary();
    return std::move(header_);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const { throw Error(name_ + ": " + what); }

  char next() {
    while (!text_.empty() && std::isspace(static_cast<unsigned char>(text_.front()))) text_.remove_prefix(1);
    return text_.empty() ? '\0' : text_.front();
  }
  bool take(std::string_view token) {
    next();
    if (text_.substr(0, token.size()) != token) return false;
    text_.remove_prefix(token.size());
    return true;
  }
  void expect(std::string_view token) {
    if (!take(token)) fail("damaged header: expected " + std::string(token));
  }
  std::string take_string() {
    const char quote = next();
    if (quote != '\'' && quote != '"') fail("damaged header: expected a string");
    const std::size_t end = text_.find(quote, 1);
    if (end == std::string_view::npos) fail("damaged header: a string without end");
    std::string value(text_.substr(1, end - 1));
    text_.remove_prefix(end + 1);
    return value;
  }

  void read_dictionary() {
    bool type = false, order = false, shape = false;
    expect("{");
    while (next() != '}') {
      const std::string key = take_string();
      expect(":");
      if (key == "descr") {
        read_type();
        type = true;
      } else if (key == "fortran_order") {
        header_.fortran_order = take("True");
        if (!header_.fortran_order) expect("False");
        order = true;
      } else if (key == "shape") {
        read_shape();
        shape = true;
      } else {
        fail("damaged header: unknown key '" + key.substr(0, 40) + "'");
      }
      if (!take(",")) break;
    }
    expect("}");
    if (!type || !order || !shape) fail("damaged header: expected descr, fortran_order and shape");
  }

  void read_type() {
    if (next() == '[') fail("a structured array, expected numbers of one type");
    const std::string text = take_string();
    if (text.find('O') != std::string::npos) fail("an array of Python objects, expected numbers");
    const char order = text.empty() ? '\0' : text[0];
    for (const NpyType& type : kNpyTypes)
      if (text.size() > 1 && text.substr(1) == type.name && std::strchr("<>|=", order) != nullptr) {
        header_.type = type;
        header_.swapped = order == '>' && type.size > 1;
        return;
      }
    fail("numbers of type '" + text.substr(0, 40) + "', expected a float, integer or bool type");
  }

  void read_shape() {
    expect("(");
    while (next() != ')') {
      std::int64_t size = 0;
      if (!std::isdigit(static_cast<unsigned char>(next()))) fail("damaged header: the shape is no list of sizes");
      for (; !text_.empty() && std::isdigit(static_cast<unsigned char>(text_.front())); text_.remove_prefix(1)) {
        if (size > (std::int64_t{1} << 48)) fail("damaged header: a size beyond all bounds");
        size = size * 10 + (text_.front() - '0');
      }
      header_.shape.push_back(size);
      if (header_.shape.size() > kMostNpyDimensions)
        fail("more than " + std::to_string(kMostNpyDimensions) + " dimensions");
      if (!take(",")) break;
    }
    expect(")");
  }

  std::string_view bytes_, text_;
  const std::string& name_;
  NpyHeader header_;
};

std::optional<std::uint64_t> product(const std::vector<std::int64_t>& shape, std::uint64_t product) {
  for (const std::int64_t size : shape)
    if (__builtin_mul_overflow(product, static_cast<std::uint64_t>(size), &product)) return std::nullopt;
  return product;
}

// `count` unsigned numbers of `size` bytes, little endian, as int64; none of u8's lies beyond int64.
torch::Tensor widened(std::string_view data, std::int64_t size, std::int64_t count, const std::string& name) {
  torch::Tensor array = torch::empty({count}, torch::kInt64);
  auto* to = array.data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < count; ++i) {
    std::uint64_t value = 0;
    std::memcpy(&value, data.data() + i * size, static_cast<std::size_t>(size));
    if (value >> 63 != 0) throw Error(name + ": an unsigned number beyond 2^63 - 1");
    to[i] = static_cast<std::int64_t>(value);
  }
  return array;
}

const NpyType& type_of(torch::ScalarType scalar) {
  for (const NpyType& type : kNpyTypes)
    if (type.scalar == scalar) return type;
  throw Error(std::string("arrays of type ") + c10::toString(scalar) + " have no NumPy type");
}

}  // namespace

torch::Tensor parse_npy(std::string_view bytes, const std::string& name) {
  const NpyHeader header = NpyHeaderReader(bytes, name).read();
  std::string_view data = bytes.substr(header.data_start);
  const auto needed = product(header.shape, static_cast<std::uint64_t>(header.type.size));
  if (!needed || *needed > data.size())
    throw Error(name + ": truncated: " + std::to_string(data.size()) + " bytes of data, expected " +
                (needed ? std::to_string(*needed) : "more than there can be"));
  data = data.substr(0, *needed);
  std::string turned;
  if (header.swapped) {
    turned = data;
    const auto size = static_cast<std::size_t>(header.type.size);
    for (std::size_t i = 0; i < turned.size(); i += size)
      for (std::size_t k = 0; k < size / 2; ++k) std::swap(turned[i + k], turned[i + size - 1 - k]);
    data = turned;
  }
  const auto count = static_cast<std::int64_t>(*needed) / header.type.size;
  torch::Tensor array;
  if (header.type.widened) {
    array = widened(data, header.type.size, count, name);
  } else {
    array = torch::empty({count}, header.type.scalar);
    if (!data.empty()) std::memcpy(array.data_ptr(), data.data(), data.size());
  }
  if (!header.fortran_order) return array.view(header.shape);
  const std::vector<std::int64_t> reversed(header.shape.rbegin(), header.shape.rend());
  std::vector<std::int64_t> order(reversed.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::int64_t>(order.size() - 1 - i);
  return array.view(reversed).permute(order).contiguous();
}

torch::Tensor read_npy(const std::filesystem::path& file) { return parse_npy(read_file(file), file.string()); }

std::string npy_bytes(const torch::Tensor& array) {
  const torch::Tensor values = array.detach().to(torch::kCPU).contiguous();
  const NpyType& type = type_of(values.scalar_type());
  std::string shape;
  for (const std::int64_t size : values.sizes()) shape += std::to_string(size) + ", ";
  if (values.dim() > 1) shape.resize(shape.size() - 2);
  if (values.dim() == 1) shape.pop_back();
  std::string header = std::string("{'descr': '") + (type.size == 1 ? '|' : '<') + std::string(type.name) +
                       "', 'fortran_order': False, 'shape': (" + shape + "), }";
  while ((kMagic.size() + 4 + header.size() + 1) % 64 != 0) header += ' ';
  header += '\n';
  std::string bytes(kMagic);
  bytes += {'\1', '\0', static_cast<char>(header.size() & 0xFF), static_cast<char>(header.size() >> 8)};
  bytes += header;
  bytes.append(static_cast<const char*>(values.data_ptr()), values.nbytes());
  return bytes;
}

void write_npy(const std::filesystem::path& file, const torch::Tensor& array) { write_file(file, npy_bytes(array)); }

}  // namespace cigli
