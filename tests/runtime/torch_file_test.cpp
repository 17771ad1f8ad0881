#include "runtime/torch_file.h"

#include <gtest/gtest.h>
#include <torch/torch.h>
#include <zip.h>

#include <limits>

#include "runtime/error.h"
#include "runtime/files.h"
#include "tests/temporary_folder.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;

const fs::path kData = fs::path(CIGLI_SOURCE_DIR) / "tests/data";

// Opcodes of pickle protocol 2.
std::string little(std::uint64_t number, int size) {
  std::string bytes;
  for (int i = 0; i < size; ++i) bytes += static_cast<char>(number >> (8 * i) & 0xFF);
  return bytes;
}
std::string text(const std::string& value) { return "X" + little(value.size(), 4) + value; }
std::string whole(std::int64_t value) { return "\x8a\x08" + little(static_cast<std::uint64_t>(value), 8); }
std::string global(const std::string& module, const std::string& name) { return "c" + module + "\n" + name + "\n"; }
std::string tuple(const std::vector<std::string>& items) {
  std::string code = "(";
  for (const std::string& item : items) code += item;
  return code + "t";
}
std::string numbers(const std::vector<std::int64_t>& values) {
  std::string code = "(";
  for (const std::int64_t number : values) code += whole(number);
  return code + "t";
}
std::string call(const std::string& module, const std::string& name, const std::vector<std::string>& arguments) {
  return global(module, name) + tuple(arguments) + "R";
}
std::string pickle(const std::string& code) { return "\x80\x02" + code + "."; }

// A legacy persistent id of `count` floats.
std::string storage(std::int64_t count, const std::string& type = "FloatStorage", const std::string& key = "7") {
  return tuple({text("storage"), global("torch", type), text(key), text("cpu"), whole(count), "N"}) + "Q";
}

std::string tensor(const std::string& storage, std::int64_t offset, const std::vector<std::int64_t>& size,
                   const std::vector<std::int64_t>& stride) {
  return call("torch._utils", "_rebuild_tensor_v2",
              {storage, whole(offset), numbers(size), numbers(stride), "\x89", call("collections", "OrderedDict", {})});
}

const std::string kStart = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19." + pickle("M\xe9\x03");
const std::string kSystem = pickle("}" + text("little_endian") + "\x88s");

// A legacy stream with the storage '7' of the floats 0 to 5, and this instead of the object's pickle.
std::string stream_around(const std::string& object) {
  const torch::Tensor data = torch::arange(6, torch::kFloat32);
  return kStart + kSystem + object + pickle("](" + text("7") + "e") + little(6, 8) +
         std::string(static_cast<const char*>(data.data_ptr()), data.nbytes());
}
std::string stream(const std::string& code) { return stream_around(pickle(code)); }
std::string stream_without_data(const std::string& code) { return kStart + kSystem + pickle(code) + pickle("]"); }

std::string zip_of(const fs::path& file, const std::map<std::string, std::string>& entries, int compression) {
  fs::remove(file);
  zip_t* archive = zip_open(file.c_str(), ZIP_CREATE, nullptr);
  for (const auto& [name, content] : entries) {
    const auto index = static_cast<std::uint64_t>(
        zip_file_add(archive, name.c_str(), zip_source_buffer(archive, content.data(), content.size(), 0), 0));
    zip_set_file_compression(archive, index, compression, 0);
  }
  EXPECT_EQ(zip_close(archive), 0);
  return read_file(file);
}

// A zip's persistent id of `count` floats.
std::string zip_storage(std::int64_t count) {
  return tuple({text("storage"), global("torch", "FloatStorage"), text("0"), text("cpu"), whole(count)}) + "Q";
}

std::string complaint(const std::string& bytes) {
  const std::string found = error_of([&] { parse_torch_file(bytes, "x.pt"); });
  EXPECT_EQ(found.rfind("x.pt: ", 0), 0U) << found;
  EXPECT_EQ(found.find('\n'), std::string::npos) << found;
  EXPECT_LT(found.size(), 400U);
  return found;
}

void expect_complaint(const std::string& bytes, const std::string& part) {
  const std::string found = complaint(bytes);
  EXPECT_NE(found.find(part), std::string::npos) << "found: " << found << "\nexpected: " << part;
}

torch::Tensor only(const std::string& bytes, const std::string& name) {
  const TensorFile content = parse_torch_file(bytes, "x.pt");
  EXPECT_EQ(content.tensors.size(), 1U);
  return content.tensors.at(name);
}

// PyTorch 1.13 saved the same content into both files.
class SavedByTorch : public testing::TestWithParam<const char*> {
 protected:
  const fs::path file_ = kData / GetParam();
};
INSTANTIATE_TEST_SUITE_P(TorchFile, SavedByTorch, testing::Values("torch_save.pt", "torch_save_legacy.pt"));

TEST_P(SavedByTorch, ReadsEveryTensor) {
  const torch::Tensor base = torch::arange(12, torch::kFloat32).reshape({3, 4});
  const std::map<std::string, torch::Tensor> expected = {
      {"model.weight", torch::arange(6, torch::kFloat32).reshape({2, 3}) / 4},
      {"model.bias", torch::tensor({-1.0F, 2.0F})},
      {"parameter", torch::tensor({-1.0F, 2.0F})},
      {"types.double", torch::tensor({0.1}, torch::kFloat64)},
      {"types.half", torch::tensor({1.5, -2.0}).to(torch::kFloat16)},
      {"types.bfloat16", torch::tensor({3.0, -0.5}).to(torch::kBFloat16)},
      {"types.long", torch::tensor({std::int64_t{1} << 40, std::int64_t{-7}}).reshape({2, 1})},
      {"types.int", torch::tensor({-5}, torch::kInt32)},
      {"types.short", torch::tensor({-300}, torch::kInt16)},
      {"types.char", torch::tensor({-3}, torch::kInt8)},
      {"types.byte", torch::tensor({200}, torch::kUInt8)},
      {"types.bool", torch::tensor({true, false, true})},
      {"base", base},
      {"tied", base},
      {"transposed", base.t()},
      {"part", base.slice(0, 1).slice(1, 1, 3)},
      {"scalar", torch::scalar_tensor(2.5F)},
      {"empty", torch::empty({0, 3})},
      {"several.0", base[0]},
      {"several.1.0", torch::tensor({std::int64_t{9}})},
      {"optimizer.state.0.exp_avg", torch::tensor({0.5F})},
  };
  const TensorFile content = read_torch_file(file_);
  EXPECT_TRUE(content.metadata.empty());
  for (const auto& [name, tensor] : content.tensors) {
    ASSERT_EQ(expected.count(name), 1U) << name;
    EXPECT_EQ(tensor.scalar_type(), expected.at(name).scalar_type()) << name;
    EXPECT_TRUE(torch::equal(tensor, expected.at(name))) << name;
    EXPECT_TRUE(tensor.is_contiguous()) << name;
  }
  EXPECT_EQ(content.tensors.size(), expected.size());
}

TEST_P(SavedByTorch, TensorsAreCopies) {
  TensorFile content = read_torch_file(file_);
  content.tensors.at("base").fill_(-1);
  EXPECT_EQ(content.tensors.at("tied").sum().item<float>(), 66);
  EXPECT_EQ(content.tensors.at("transposed").sum().item<float>(), 66);
}

TEST_P(SavedByTorch, RefusesEveryPrefix) {
  const std::string bytes = read_file(file_);
  EXPECT_TRUE(is_torch_file(bytes));
  for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_NE(complaint(bytes.substr(0, size)), "") << size;
}

// Every single damaged byte either still reads or is refused; nothing else may happen.
TEST_P(SavedByTorch, SurvivesEveryDamagedByte) {
  const std::string bytes = read_file(file_), damages(
                                                  "\0"
                                                  "0Rh\x80\xFF",
                                                  6);
  int refused = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = damages[i % damages.size()];
    try {
      parse_torch_file(damaged, "x.pt");
    } catch (const Error&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 500);
}

TEST(TorchFile, KnowsItsFiles) {
  EXPECT_TRUE(is_torch_file(std::string("PK\3\4")));
  EXPECT_TRUE(is_torch_file(kStart));
  for (const std::string& bytes : {std::string(), std::string("PK\3"), kStart.substr(0, 14), pickle("N")}) {
    EXPECT_FALSE(is_torch_file(bytes));
    expect_complaint(bytes, "not a file of torch.save");
  }
}

TEST(TorchFile, OldWaysToSaveATensor) {
  const torch::Tensor expected = torch::tensor({{0.0F, 2.0F, 4.0F}, {1.0F, 3.0F, 5.0F}});
  const std::string size = call("torch", "Size", {numbers({2, 3})});
  const std::string old = call("torch._utils", "_rebuild_tensor", {storage(6), whole(0), size, numbers({1, 2})});
  EXPECT_TRUE(torch::equal(only(stream(old), ""), expected));
  const std::string state = tuple({"\x88", "\x89", call("collections", "OrderedDict", {})}) + "b";
  EXPECT_TRUE(torch::equal(only(stream(call("torch.nn.parameter", "Parameter", {old}) + state), ""), expected));
  const std::string pairs = "](](U\1w" + old + "ee";  // Python 2: short strings, and a list of pairs
  EXPECT_TRUE(torch::equal(only(stream(call("collections", "OrderedDict", {pairs})), "w"), expected));
}

TEST(TorchFile, NewerProtocols) {
  const std::string named = "\x8c\x0ctorch._utils\x94\x8c\x12_rebuild_tensor_v2\x94\x93";
  const std::string plain = tensor(storage(6), 1, {2}, {3});
  const std::string framed = "\x80\x04\x95" + little(30, 8) + named + plain.substr(plain.find("v2\n") + 3) + "\x94.";
  EXPECT_TRUE(torch::equal(only(stream_around(framed), ""), torch::tensor({1.0F, 4.0F})));
}

TEST(TorchFile, RefusesWhatCouldRunCode) {
  const std::string good = tensor(storage(6), 0, {6}, {1});
  expect_complaint(stream(call("os", "system", {text("true")})), "refused: global os.system");
  expect_complaint(stream(call("builtins", "eval", {text("1")})), "refused: global builtins.eval");
  expect_complaint(stream("\x8c\x05posix\x8c\x06system\x93"), "refused: global posix.system");
  expect_complaint(stream(global("torch.storage", "UntypedStorage")), "refused: global torch.storage.UntypedStorage");
  expect_complaint(stream(global("torch._utils\r", std::string(10000, 'x'))), "refused: global torch._utils?.xxx");
  expect_complaint(stream("(" + text("true") + "ios\nsystem\n"), "refused: pickle opcode 0x69");
  expect_complaint(stream("(" + text("true") + "o"), "refused: pickle opcode 0x6f");
  expect_complaint(stream(global("torch", "Size") + ")\x81"), "refused: pickle opcode 0x81");
  expect_complaint(stream("\x82\1"), "refused: pickle opcode 0x82");
  expect_complaint(stream("\xFF"), "refused: pickle opcode 0xff");
  expect_complaint(stream("P7\n"), "refused: pickle opcode 0x50");
  expect_complaint(stream(good + "}b"), "attributes of something else");
  expect_complaint(stream("}}b"), "attributes of something else");
  expect_complaint(stream(text("f") + ")R"), "a call of no global");
  expect_complaint(stream(global("torch", "Size") + "NR"), "without a tuple");
  expect_complaint(stream_without_data(global("torch", "FloatStorage") + ")R"), "a call of torch.FloatStorage");
}

TEST(TorchFile, RefusesDamagedPickles) {
  expect_complaint(stream("0"), "nothing on the stack");
  expect_complaint(stream("(0"), "nothing on the stack");
  expect_complaint(stream("N\x87"), "nothing on the stack");
  expect_complaint(stream("t"), "no mark");
  expect_complaint(stream("h\1"), "memo 1 is empty");
  expect_complaint(stream("NNa"), "no list to append to");
  expect_complaint(stream("](NNu"), "no dictionary");
  expect_complaint(stream("}(Nu"), "a key without value");
  expect_complaint(stream("X\xFF\xFF\xFF\x7F"), "truncated");
  expect_complaint(stream("\x8b\xFF\xFF\xFF\xFF"), "truncated");
  expect_complaint(stream("\x8d" + little(~std::uint64_t{0}, 8)), "truncated");
  expect_complaint(stream("\x95" + little(std::uint64_t{1} << 40, 8)), "truncated");
  expect_complaint(stream("NN\x93"), "a global without name");
  expect_complaint(stream("\x80\x09"), "pickle protocol 9, expected 2 to 5");
  expect_complaint(stream(call("collections", "OrderedDict", {"](Ne"})), "no list of pairs");
}

TEST(TorchFile, RefusesTensorsOutsideTheirStorage) {
  const auto refused = [](std::int64_t offset, const std::vector<std::int64_t>& size,
                          const std::vector<std::int64_t>& stride, const std::string& part) {
    expect_complaint(stream("}" + text("a") + tensor(storage(6), offset, size, stride) + "s"), part);
  };
  constexpr std::int64_t huge = std::numeric_limits<std::int64_t>::max();
  refused(1, {6}, {1}, "reaches element 6, but its storage has 6 elements");
  refused(6, {}, {}, "reaches element 6");
  refused(0, {2, 3}, {4, 1}, "reaches element 6");
  refused(-1, {1}, {1}, "its offset, size and stride: expected integers of 0 or more");
  refused(0, {-1}, {1}, "its offset, size and stride");
  refused(5, {2}, {-1}, "its offset, size and stride");
  refused(0, {1, 2}, {1}, "a size and a stride of different lengths");
  refused(0, {1000000000}, {0}, "1000000000 elements, but its storage has 6 elements");
  refused(0, {7}, {0}, "7 elements, but");
  refused(0, {huge, huge}, {0, 0}, "tensor 'a': a size or stride beyond all bounds");
  refused(0, {0, huge, huge}, {0, 0, 0}, "tensor 'a': a size or stride beyond all bounds");
  refused(0, {3}, {huge}, "tensor 'a': a size or stride beyond all bounds");
  refused(huge, {2}, {1}, "tensor 'a': a size or stride beyond all bounds");
  refused(0, std::vector<std::int64_t>(17, 1), std::vector<std::int64_t>(17, 1), "at most 16 integers");
  EXPECT_TRUE(torch::equal(only(stream(tensor(storage(6), 5, {3}, {0})), ""), torch::full({3}, 5.0F)));
}

TEST(TorchFile, RefusesBadCalls) {
  const std::string hooks = call("collections", "OrderedDict", {}), good = storage(6);
  const auto rebuild = [](const std::vector<std::string>& arguments) {
    return stream(call("torch._utils", "_rebuild_tensor_v2", arguments));
  };
  expect_complaint(stream_without_data(call("torch._utils", "_rebuild_tensor_v2", {})),
                   "tensor '': 0 arguments of torch._utils._rebuild_tensor_v2");
  expect_complaint(rebuild({"(" + good + "t", whole(0), numbers({6}), numbers({1}), "\x89", hooks}), "no storage");
  expect_complaint(rebuild({good, "N", numbers({6}), numbers({1}), "\x89", hooks}), "expected integers");
  expect_complaint(rebuild({good, whole(0), "N", numbers({1}), "\x89", hooks}), "expected tuples");
  expect_complaint(rebuild({good, whole(0), numbers({6}), "](Ne", "\x89", hooks}), "expected tuples");
  expect_complaint(rebuild({good, whole(0), numbers({6}), numbers({1}), "\x89", hooks, "}" + text("neg") + "\x88s"}),
                   "conjugate or negative bits");
  expect_complaint(stream_without_data(call("torch._utils", "_rebuild_parameter", {"N", "\x88", hooks})),
                   "a parameter of no tensor");
  const std::string t = tensor(good, 0, {6}, {1});
  expect_complaint(stream("}" + text("a.b") + t + "s" + text("a") + "}" + text("b") + t + "ss"),
                   "tensor 'a.b': appears twice");
  expect_complaint(stream("}N" + t + "s"), "neither UTF-8 text nor an integer");
  expect_complaint(stream("}" + text("\xFF") + t + "s"), "neither UTF-8 text nor an integer");
  expect_complaint(stream("}" + text(std::string(2000, 'n')) + t + "s"), "a name of more than 1000 bytes");
}

TEST(TorchFile, RefusesBadStorages) {
  const auto of = [](const std::string& storage) { return stream(tensor(storage, 0, {1}, {1})); };
  expect_complaint(of("NQ"), "a persistent id that isn't");
  expect_complaint(of(zip_storage(6)), "a persistent id that isn't");
  expect_complaint(of(storage(-1)), "storage '7': -1 elements");
  expect_complaint(of(storage(5)), "storage '7': 6 elements, expected 5");
  expect_complaint(of(storage(6, "Size")), "storage '7': type torch.Size");
  expect_complaint(of(storage(6, "FloatStorage", "8")), "storage '7': belongs to no tensor");
  expect_complaint(of(storage(6, "DoubleStorage")), "storage '7': truncated: 6 elements of Double");
  expect_complaint(of(storage(6, "FloatStorage", std::string(1000, '7'))), "a key of more than 100 bytes");
  expect_complaint(stream("](" + tensor(storage(6), 0, {1}, {1}) + storage(6, "IntStorage") + "e"), "announced twice");
  std::string view = storage(6);
  view.replace(view.rfind("NtQ"), 1, tuple({text("8"), whole(0), whole(6)}));
  expect_complaint(of(view), "a view of another storage");
  const std::string bytes = of(storage(6));
  expect_complaint(bytes.substr(0, bytes.size() - 1), "expected no more than the file's 23 bytes");
  const std::string list = pickle("](" + text("7") + "e");
  const auto with_keys = [&](const std::string& keys) {
    std::string other = bytes;
    return other.replace(other.find(list), list.size(), keys);
  };
  expect_complaint(with_keys(pickle("]")), "its storage '7' is not in the file");
  expect_complaint(with_keys(pickle("N")), "no list of storages");
  expect_complaint(with_keys(pickle("](" + text("7") + text("7") + "e")), "storage '7': appears twice");
}

TEST(TorchFile, RefusesOtherSystems) {
  expect_complaint(kStart, "truncated");
  expect_complaint(kStart.substr(0, 15) + pickle("M\xe8\x03") + kSystem, "another protocol than 1001");
  expect_complaint(kStart + pickle("}" + text("little_endian") + "\x89s"), "little_endian: True");
  expect_complaint(kStart + pickle("}"), "little_endian: True");
  expect_complaint(kStart + pickle("N"), "little_endian: True");
}

// Small files that would unfold into much.
TEST(TorchFile, RefusesBombs) {
  std::string laughs = "]q" + std::string(1, '\0') + tensor(storage(6), 0, {6}, {1}) + "a";
  std::string lists = "]q" + std::string(1, '\0') + "Na";
  for (char level = 1; level < 40; ++level) {
    std::string code = "](";
    for (int i = 0; i < 10; ++i) code += "h" + std::string(1, static_cast<char>(level - 1));
    code += "eq" + std::string(1, level);
    laughs += code;
    lists += code;
  }
  expect_complaint(stream(laughs), "more than 16 times the file's bytes");
  expect_complaint(stream_without_data(lists), "more than 4194304 values");
  expect_complaint(stream_without_data("]q\1h\1a"), "nested deeper");
  expect_complaint(stream_without_data(std::string(1000000, ']') + std::string(999999, 'a')), "nested deeper");
  expect_complaint(stream_without_data("N" + std::string(1000000, '\x85')), "nested deeper");
  expect_complaint(stream("(" + std::string(5000000, ']') + "t"), "a pickle of more than 4194304 values");
  std::string pairs = "]q\1(";
  for (int i = 0; i < 1000; ++i) pairs += "NN\x86";
  pairs += "e";
  for (int i = 0; i < 1000; ++i) pairs += "ccollections\nOrderedDict\nh\1\x85R";
  expect_complaint(stream(pairs), "OrderedDicts of more pairs");
}

TEST(TorchFile, PassesOverWhatIsNoTensor) {
  const std::string big = std::string("\x8a\x09") + std::string(9, '\1');
  const std::string things = "](" + big + "G" + std::string(8, '\0') + "C\2ab" + "N\x88\x89" +
                             "K\1M\1\1J\xFF\xFF\xFF\xFF" + global("torch", "FloatStorage") + storage(6) +
                             call("torch", "Size", {numbers({6})}) + "})e";
  EXPECT_TRUE(parse_torch_file(stream(things), "x.pt").tensors.empty());
}

class TorchZip : public testing::Test {
 protected:
  std::string zip(const std::map<std::string, std::string>& changes, int compression = ZIP_CM_STORE) {
    std::map<std::string, std::string> entries = {{"m/data.pkl", pickle(tensor(zip_storage(2), 0, {2}, {1}))},
                                                  {"m/data/0", std::string("\0\0\x80\x3F\0\0\0\xC0", 8)}};
    for (const auto& [name, content] : changes) entries[name] = content;
    return zip_of(folder_ / "x.pt", entries, compression);
  }
  TemporaryFolder folder_;
};

TEST_F(TorchZip, ReadsOne) {
  EXPECT_TRUE(
      torch::equal(only(zip({{"m/byteorder", "little"}, {"m/version", "3\n"}}), ""), torch::tensor({1.0F, -2.0F})));
}

TEST_F(TorchZip, RefusesBadArchives) {
  expect_complaint("PK\3\4", "damaged or truncated zip archive");
  expect_complaint(zip({{"m/byteorder", "big"}}), "byte order 'big', expected 'little'");
  expect_complaint(zip({{"m/constants.pkl", "."}}), "a TorchScript program");
  expect_complaint(zip({{"m/data/0", "1234567"}}), "entry 'm/data/0': 7 bytes, expected 8");
  expect_complaint(zip({{"m/data/0", ""}}), "entry 'm/data/0': 0 bytes, expected 8");
  expect_complaint(zip({{"m/data.pkl", pickle(tensor(storage(2), 0, {2}, {1}))}}), "a persistent id that isn't");
  expect_complaint(zip({{"m/data.pkl", pickle(call("os", "system", {text("true")}))}}), "refused: global os.system");
  expect_complaint(zip({{"m/data.pkl", pickle(tensor(zip_storage(std::int64_t{1} << 61), 0, {1}, {1}))}}),
                   "entry 'm/data/0': truncated: 2305843009213693952 elements of Float");
  expect_complaint(zip({{"m/data.pkl", ""}}), "truncated: it ends inside a pickle");
  expect_complaint(zip_of(folder_ / "y.pt", {{"m/data/0", "12345678"}}, ZIP_CM_STORE), "without PREFIX/data.pkl");
  expect_complaint(
      zip_of(folder_ / "y.pt", {{"m/data.pkl", pickle(tensor(zip_storage(2), 0, {2}, {1}))}}, ZIP_CM_STORE),
      "entry 'm/data/0': is missing");
  expect_complaint(zip({{"m/data/0", std::string(100000, '\0')}}, ZIP_CM_DEFLATE), "a compressed entry");
}

TEST_F(TorchZip, ChecksTheSums) {
  std::string bytes = zip({});
  bytes[bytes.find("\x80\x3F") + 1] = '\x40';
  expect_complaint(bytes, "entry 'm/data/0': damaged zip entry");
}

}  // namespace
}  // namespace cigli
