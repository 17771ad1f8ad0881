#include "runtime/npy.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <nlohmann/json.hpp>

#include "runtime/error.h"
#include "runtime/files.h"
#include "tests/temporary_folder.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;

std::string file_of(const std::string& header, const std::string& data) {
  std::string bytes("\x93NUMPY\1\0", 8);
  bytes += {static_cast<char>(header.size()), '\0'};
  return bytes + header + data;
}

std::string npy_complaint(const std::string& bytes) {
  return error_of([&] { parse_npy(bytes, "x.npy"); });
}

TEST(Npy, ComesBackAsItWasWritten) {
  const TemporaryFolder folder;
  for (const torch::ScalarType type : {torch::kFloat64, torch::kFloat32, torch::kFloat16, torch::kInt64, torch::kInt32,
                                       torch::kInt16, torch::kInt8, torch::kUInt8, torch::kBool}) {
    for (const std::vector<std::int64_t>& shape : {std::vector<std::int64_t>{}, {5}, {2, 3}, {0, 4}, {1, 1, 2}}) {
      const torch::Tensor array = torch::arange(1, 1 + torch::empty(shape).numel()).reshape(shape).to(type);
      write_npy(folder / "x.npy", array);
      const torch::Tensor back = read_npy(folder / "x.npy");
      EXPECT_EQ(back.scalar_type(), type);
      EXPECT_EQ(back.sizes(), array.sizes());
      EXPECT_TRUE(torch::equal(back, array));
    }
  }
  // As numpy.save writes it.
  EXPECT_EQ(npy_bytes(torch::zeros({3}, torch::kInt8)),
            file_of("{'descr': '|i1', 'fortran_order': False, 'shape': (3,), }" + std::string(60, ' ') + "\n",
                    std::string(3, '\0')));
}

TEST(Npy, ReadsOrdersAndTypesThatTensorsLack) {
  const auto header = [](const std::string& type, const std::string& fortran, const std::string& shape) {
    return "{'descr': '" + type + "', 'fortran_order': " + fortran + ", 'shape': " + shape + "}";
  };
  const std::string six("\0\1\0\2\0\3\0\4\0\5\0\6", 12);
  EXPECT_TRUE(torch::equal(parse_npy(file_of(header(">i2", "False", "(2, 3)"), six), "x"),
                           torch::tensor({{1, 2, 3}, {4, 5, 6}}).to(torch::kInt16)));
  EXPECT_TRUE(torch::equal(parse_npy(file_of(header(">i2", "True", "(2, 3)"), six), "x"),
                           torch::tensor({{1, 3, 5}, {2, 4, 6}}).to(torch::kInt16)));
  EXPECT_TRUE(torch::equal(parse_npy(file_of(header("<u2", "False", "(6,)"), std::string(12, '\xff')), "x"),
                           torch::full({6}, 65535, torch::kInt64)));
  EXPECT_NE(npy_complaint(file_of(header("<u8", "False", "(1,)"), std::string(8, '\xff'))).find("2^63"),
            std::string::npos);
}

TEST(Npy, DamagedFilesGetOneLine) {
  const std::string good = npy_bytes(torch::arange(6, torch::kFloat64).reshape({2, 3}));
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "not a NumPy array file"},
      {"PK\3\4", "not a NumPy array file"},
      {good.substr(0, 9), "ends inside its header"},
      {good.substr(0, 60), "ends inside its header"},
      {good.substr(0, good.size() - 1), "47 bytes of data, expected 48"},
      {file_of("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", "x"), "Python objects"},
      {file_of("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", "x"), "structured array"},
      {file_of("{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}", "12345678"), "type '<c8'"},
      {file_of("{'descr': '<f8', 'fortran_order': False}", ""), "expected descr, fortran_order and shape"},
      {file_of("{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}", ""), "no list of sizes"},
      {file_of("{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999,)}", ""), "beyond all bounds"},
      {file_of("{'descr': '<f8', 'fortran_order': False, 'shape': (281474976710656, 281474976710656)}", ""),
       "more than there can be"},
      {file_of("{'descr': '<f8', 'fortran_order': 1, 'shape': (1,)}", ""), "expected False"},
      {file_of("{'evil': '<f8'}", ""), "unknown key 'evil'"},
      {file_of("{'descr': '<f8", ""), "a string without end"},
  };
  for (const auto& [bytes, part] : cases) {
    const std::string found = npy_complaint(bytes);
    EXPECT_EQ(found.rfind("x.npy: ", 0), 0U) << found;
    EXPECT_NE(found.find(part), std::string::npos) << "found: " << found << "\nexpected: " << part;
  }
  std::string third = good;
  third[6] = 4;
  EXPECT_NE(npy_complaint(third).find("version 4"), std::string::npos);
}

TEST(Npz, ComesBackAsItWasWritten) {
  const TemporaryFolder folder;
  const std::map<std::string, torch::Tensor> arrays{{"mu", torch::rand({4}, torch::kFloat64)},
                                                    {"sigma", torch::rand({4, 4}, torch::kFloat64)}};
  write_npz(folder / "x.npz", arrays);
  const auto back = read_npz(folder / "x.npz");
  ASSERT_EQ(back.size(), 2u);
  for (const auto& [key, array] : arrays) EXPECT_TRUE(torch::equal(back.at(key), array)) << key;
  const std::string bytes = read_file(folder / "x.npz");
  write_npz(folder / "x.npz", arrays);
  EXPECT_EQ(read_file(folder / "x.npz"), bytes);
}

TEST(Npz, DamagedFilesGetOneLine) {
  const TemporaryFolder folder;
  const fs::path file = folder / "x.npz";
  write_npz(file, {{"mu", torch::arange(1000, torch::kFloat64)}});
  const std::string good = read_file(file);
  for (const std::size_t size : {std::size_t{0}, std::size_t{10}, good.size() / 2, good.size() - 1}) {
    write_file(file, good.substr(0, size));
    const std::string found = error_of([&] { read_npz(file); });
    EXPECT_EQ(found.rfind(file.string() + ": ", 0), 0U) << size << " " << found;
  }
  for (std::size_t at = 0; at < good.size(); at += 31) {  // an array with a wrong checksum, an impossible size, ...
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x55);
    write_file(file, bad);
    error_of([&] { read_npz(file); });
  }
  std::string flipped = good;
  flipped[good.size() / 2] = static_cast<char>(flipped[good.size() / 2] ^ 0x55);
  write_file(file, flipped);
  EXPECT_NE(error_of([&] { read_npz(file); }).find("array 'mu.npy'"), std::string::npos);
}

class NpyReference : public testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(folder_)) GTEST_SKIP() << folder_.string() << " is not there";
  }
  const fs::path folder_ = fs::path(CIGLI_TEST_DATA) / "oracles/metrics";
};

TEST_F(NpyReference, NumPysOwnFilesReadAsNumPyReadsThem) {
  const auto expected = nlohmann::json::parse(read_file(folder_ / "npy_formats/expected.json"));
  const torch::Tensor values =
      torch::tensor(expected["values_float64_row_major"].get<std::vector<double>>(), torch::kFloat64).view({3, 4});
  for (const char* name : {"f8_c", "f8_fortran", "f8_header_version_2"})
    EXPECT_TRUE(torch::equal(read_npy(folder_ / "npy_formats" / (std::string(name) + ".npy")), values)) << name;
  for (const char* name : {"f4_c", "f4_bigendian"})
    EXPECT_TRUE(
        torch::equal(read_npy(folder_ / "npy_formats" / (std::string(name) + ".npy")), values.to(torch::kFloat32)))
        << name;
  EXPECT_TRUE(torch::equal(read_npy(folder_ / "npy_formats/f2_c.npy"), values.to(torch::kFloat16)));
  EXPECT_EQ(read_npy(folder_ / "npy_formats/i8_0d.npy").item<std::int64_t>(), 12345);
  EXPECT_EQ(read_npy(folder_ / "npy_formats/i8_0d.npy").dim(), 0);
}

TEST_F(NpyReference, StatisticsReadStoredAndDeflated) {
  const auto real = read_npz(folder_ / "main/pytorch_fid_stats_real_deflate.npz");
  const auto fake = read_npz(folder_ / "main/pytorch_fid_stats_fake_stored.npz");
  const auto extra = read_npz(folder_ / "npy_formats/stats_float32_fortran_extra_keys.npz");
  EXPECT_EQ(real.at("sigma").sizes(), (std::vector<std::int64_t>{64, 64}));
  EXPECT_EQ(fake.at("mu").scalar_type(), torch::kFloat64);
  const torch::Tensor block = real.at("sigma").narrow(0, 0, 8).narrow(1, 0, 8);
  EXPECT_TRUE(torch::allclose(extra.at("sigma").to(torch::kFloat64), block, 1e-6, 1e-9));
  const torch::Tensor rows = read_npy(folder_ / "main/real.npy").to(torch::kFloat64);
  EXPECT_TRUE(torch::allclose(rows.mean(0), real.at("mu"), 0, 1e-12));
}

}  // namespace
}  // namespace cigli
