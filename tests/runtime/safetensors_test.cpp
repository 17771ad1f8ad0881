#include "runtime/safetensors.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "runtime/error.h"
#include "runtime/files.h"
#include "tests/temporary_folder.h"

namespace cigli {
namespace {

std::string prefix_of(std::uint64_t length) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(length >> (8 * i) & 0xFF);
  return bytes;
}

std::string file_of(const std::string& header, std::size_t data) {
  return prefix_of(header.size()) + header + std::string(data, '\1');
}

// A header with one tensor `x` of the given members.
std::string one(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"x":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
}

class Safetensors : public testing::Test {
 protected:
  // What reading these bytes complains of, behind the file's name; both readers must agree.
  std::string complaint(const std::string& bytes) const {
    write_file(file_, bytes);
    const std::string whole = error_of([&] { read_safetensors(file_); });
    EXPECT_EQ(error_of([&] { read_safetensors_header(file_); }), whole);
    const std::string start = file_.string() + ": ";
    EXPECT_EQ(whole.rfind(start, 0), 0U) << whole;
    EXPECT_EQ(whole.find('\n'), std::string::npos);
    EXPECT_LT(whole.size(), start.size() + 300);
    return whole.size() < start.size() ? "" : whole.substr(start.size());
  }

  void expect_complaint(const std::string& bytes, const std::string& part) const {
    const std::string found = complaint(bytes);
    EXPECT_NE(found.find(part), std::string::npos) << "found: " << found << "\nexpected: " << part;
  }

  TemporaryFolder folder_;
  std::filesystem::path file_ = folder_ / "x.safetensors";
};

TensorFile sample() {
  TensorFile content;
  for (const torch::ScalarType type :
       {torch::kFloat64, torch::kFloat32, torch::kFloat16, torch::kBFloat16, torch::kInt64, torch::kInt32,
        torch::kInt16, torch::kInt8, torch::kUInt8, torch::kBool}) {
    content.tensors[std::string("t.") + c10::toString(type)] = torch::arange(-1, 5).reshape({2, 3}).to(type);
  }
  content.tensors["scalar"] = torch::scalar_tensor(2.5);
  content.tensors["empty"] = torch::empty({0, 4});
  content.metadata = {{"options", "a = \"b\"\n"}, {"model", "fusion"}};
  return content;
}

TEST_F(Safetensors, RoundTripsEveryType) {
  const TensorFile content = sample();
  write_safetensors(file_, content);
  const TensorFile back = read_safetensors(file_), header = read_safetensors_header(file_);
  EXPECT_EQ(back.metadata, content.metadata);
  EXPECT_EQ(header.metadata, content.metadata);
  ASSERT_EQ(back.tensors.size(), content.tensors.size());
  for (const auto& [name, tensor] : content.tensors) {
    EXPECT_EQ(back.tensors.at(name).scalar_type(), tensor.scalar_type()) << name;
    EXPECT_TRUE(torch::equal(back.tensors.at(name), tensor)) << name;
    EXPECT_EQ(header.tensors.at(name).sizes(), tensor.sizes()) << name;
    EXPECT_EQ(header.tensors.at(name).scalar_type(), tensor.scalar_type()) << name;
    EXPECT_TRUE(header.tensors.at(name).is_meta()) << name;
  }
}

TEST_F(Safetensors, SameContentGivesTheSameBytes) {
  TensorFile content = sample();
  const torch::Tensor image = torch::arange(24.0).reshape({1, 2, 3, 4});
  content.tensors["image"] = image;
  write_safetensors(file_, content);
  content.tensors["image"] = image.contiguous(torch::MemoryFormat::ChannelsLast);
  write_safetensors(folder_ / "again", content);
  EXPECT_EQ(read_file(file_), read_file(folder_ / "again"));
  EXPECT_TRUE(torch::equal(read_safetensors(file_).tensors.at("image"), image));
}

TEST_F(Safetensors, FollowsTheFormat) {
  TensorFile content;
  content.tensors["b"] = torch::tensor({1.0F, -2.0F});
  content.tensors["a"] = torch::tensor({7}, torch::kUInt8);
  content.metadata["k"] = "v";
  write_safetensors(file_, content);
  const std::string bytes = read_file(file_);
  const auto length = static_cast<std::size_t>(static_cast<std::uint8_t>(bytes[0]));
  EXPECT_EQ(bytes.substr(0, 8), prefix_of(length));
  EXPECT_EQ(length % 8, 0U);
  EXPECT_EQ(nlohmann::json::parse(bytes.substr(8, length)), nlohmann::json::parse(R"({"__metadata__": {"k": "v"},
      "a": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]},
      "b": {"dtype": "F32", "shape": [2], "data_offsets": [1, 9]}})"));
  EXPECT_EQ(bytes.substr(8 + length), std::string("\x07\x00\x00\x80\x3F\x00\x00\x00\xC0", 9));
}

TEST_F(Safetensors, ContentOutlivesTheFile) {
  write_safetensors(file_, sample());
  const TensorFile content = read_safetensors(file_);
  write_file(file_, "");
  EXPECT_EQ(content.tensors.at("scalar").item<float>(), 2.5F);
}

TEST_F(Safetensors, RefusesATruncatedFile) {
  write_safetensors(file_, sample());
  const std::string bytes = read_file(file_);
  expect_complaint("", "found 0 bytes");
  expect_complaint(bytes.substr(0, 7), "found 7 bytes");
  for (const std::size_t size : {std::size_t{8}, std::size_t{9}, bytes.size() / 2, bytes.size() - 1}) {
    EXPECT_NE(complaint(bytes.substr(0, size)), "") << size;
  }
  expect_complaint(bytes + "x", "bytes of data, expected");
}

TEST_F(Safetensors, RefusesAHugeHeader) {
  expect_complaint(prefix_of(~std::uint64_t{0}) + "{}", "header of 18446744073709551615 bytes, expected at most 2");
  expect_complaint(prefix_of(std::uint64_t{1} << 63) + "{}", "expected at most 2");
  expect_complaint(prefix_of(3) + "{}", "header of 3 bytes, expected at most 2");
}

TEST_F(Safetensors, RefusesBadJson) {
  expect_complaint(file_of("{", 0), "not valid JSON");
  expect_complaint(file_of("", 0), "not valid JSON");
  expect_complaint(file_of("{} x", 0), "not valid JSON");
  expect_complaint(file_of("{\"\xFF\": 1}", 0), "not valid JSON");
  expect_complaint(file_of("[]", 0), "expected a JSON object");
  expect_complaint(file_of("3", 0), "expected a JSON object");
  expect_complaint(file_of("{\"x\": 1e999}", 0), "out of range");
  expect_complaint(file_of(std::string(1000000, '['), 0), "nested deeper");
  std::string deep = R"({"x":)";
  for (int i = 0; i < 100000; ++i) deep += R"({"x":)";
  expect_complaint(file_of(deep, 0), "nested deeper");
}

TEST_F(Safetensors, RefusesDuplicates) {
  const std::string x = R"("x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]})";
  expect_complaint(file_of("{" + x + "," + x + "}", 1), "key 'x' appears twice");
  expect_complaint(file_of(R"({"x":{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}})", 1),
                   "key 'dtype' appears twice");
  expect_complaint(file_of(R"({"__metadata__":{"a":"1","a":"2"}})", 0), "key 'a' appears twice");
}

TEST_F(Safetensors, RefusesBadMetadata) {
  expect_complaint(file_of(R"({"__metadata__":{"a":1}})", 0), "__metadata__: 'a': expected a string");
  expect_complaint(file_of(R"({"__metadata__":[]})", 0), "__metadata__: expected an object");
}

TEST_F(Safetensors, RefusesBadTensors) {
  expect_complaint(file_of(R"({"x":3})", 0), "tensor 'x': expected an object");
  expect_complaint(file_of(R"({"x":{"dtype":"U8","shape":[1]}})", 1), "tensor 'x': no 'data_offsets'");
  expect_complaint(file_of(one("8", "[1]", "[0,1]"), 1), "dtype: expected one of F64");
  expect_complaint(file_of(one("\"F8\"", "[1]", "[0,1]"), 1), "dtype 'F8', expected one of F64");
  expect_complaint(file_of(one("\"F32\"", "[2]", "[0,7]"), 7), "found 7 bytes, expected 8");
  expect_complaint(file_of(one("\"F16\"", "[2]", "[0,8]"), 8), "found 8 bytes, expected 4");
  for (const char* shape : {"[-1]", "[1.5]", "[\"1\"]", "[null]", "[[1]]", "3", "{}"}) {
    expect_complaint(file_of(one("\"U8\"", shape, "[0,1]"), 1),
                     shape == std::string("[[1]]") ? "nested" : "shape: expected");
  }
  expect_complaint(file_of(one("\"U8\"", "[18446744073709551616]", "[0,1]"), 1), "shape: expected");
  expect_complaint(file_of(one("\"F64\"", "[4294967296,4294967296]", "[0,0]"), 0), "product is too large");
  expect_complaint(file_of(one("\"F64\"", "[0,4294967296,4294967296]", "[0,0]"), 0), "product is too large");
  expect_complaint(file_of(one("\"U8\"", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", "[0,1]"), 1), "at most 16 sizes");
}

TEST_F(Safetensors, RefusesBadOffsets) {
  for (const char* offsets : {"[0]", "[0,1,1]", "[-1,0]", "[0,1.0]", "[\"0\",1]", "1", "{}"}) {
    expect_complaint(file_of(one("\"U8\"", "[1]", offsets), 1), "tensor 'x': data_offsets: expected two numbers");
  }
  expect_complaint(file_of(one("\"U8\"", "[1]", "[1,0]"), 1), "expected a range inside");
  expect_complaint(file_of(one("\"U8\"", "[2]", "[0,2]"), 1), "expected a range inside the file's 1 bytes");
  expect_complaint(file_of(one("\"U8\"", "[1]", "[18446744073709551615,18446744073709551615]"), 1), "range inside");
}

TEST_F(Safetensors, RefusesOverlapsAndGaps) {
  const auto two = [](const std::string& x, const std::string& y) {
    return R"({"x":{"dtype":"U8","shape":[2],"data_offsets":)" + x +
           R"(},"y":{"dtype":"U8","shape":[2],"data_offsets":)" + y + "}}";
  };
  expect_complaint(file_of(two("[0,2]", "[1,3]"), 3),
                   "tensor 'y': begins at byte 1 of the data, expected 2: tensors overlap");
  expect_complaint(file_of(two("[0,2]", "[0,2]"), 2), "overlap");
  expect_complaint(file_of(two("[0,2]", "[3,5]"), 5), "leave a gap");
  expect_complaint(file_of(two("[1,3]", "[3,5]"), 5), "tensor 'x': begins at byte 1 of the data, expected 0");
  expect_complaint(file_of(two("[0,2]", "[2,4]"), 5), "found 5 bytes of data, expected 4");
  write_file(file_, file_of(two("[2,4]", "[0,2]"), 4));  // any order is fine
  EXPECT_EQ(read_safetensors(file_).tensors.size(), 2U);
}

TEST_F(Safetensors, TruthValuesAreCleaned) {
  write_file(file_, file_of(one("\"BOOL\"", "[3]", "[0,3]"), 0) + std::string("\0\1\x7F", 3));
  const torch::Tensor x = read_safetensors(file_).tensors.at("x");
  EXPECT_EQ(x.scalar_type(), torch::kBool);
  EXPECT_EQ(x.sum().item<std::int64_t>(), 2);
}

// Every single damaged byte of a header either still reads or is refused; nothing else may happen.
TEST_F(Safetensors, SurvivesEveryDamagedByte) {
  TensorFile content;
  content.tensors["weight"] = torch::arange(6.0).reshape({2, 3});
  content.metadata["k"] = "v";
  write_safetensors(file_, content);
  const std::string bytes = read_file(file_);
  int refused = 0;
  for (std::size_t i = 0; i + 24 < bytes.size(); ++i) {
    for (const char damage : {'\0', '9', '[', '"', '-', '\xFF'}) {
      std::string damaged = bytes;
      damaged[i] = damage;
      std::ofstream(file_, std::ios::binary) << damaged;  // write_file's fsync would take seconds here
      try {
        read_safetensors(file_);
      } catch (const Error&) {
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, 100);
}

TEST_F(Safetensors, WriterRefusesWhatItCannotStore) {
  TensorFile content;
  content.tensors["x"] = torch::zeros({2}, torch::kComplexFloat);
  EXPECT_THROW(write_safetensors(file_, content), Error);
  content.tensors = {{"__metadata__", torch::zeros({2})}};
  EXPECT_THROW(write_safetensors(file_, content), Error);
  content.tensors = {{"\xFF", torch::zeros({2})}};
  EXPECT_THROW(write_safetensors(file_, content), Error);
  content.tensors = {{"x", torch::Tensor()}};
  EXPECT_THROW(write_safetensors(file_, content), Error);
  EXPECT_FALSE(std::filesystem::exists(file_));
}

}  // namespace
}  // namespace cigli
