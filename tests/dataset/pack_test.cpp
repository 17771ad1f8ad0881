#include "dataset/pack.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cstring>
#include <map>

#include "dataset/metadata.h"
#include "dataset/tensor_image.h"
#include "runtime/error.h"
#include "runtime/interrupt.h"
#include "samples.h"

namespace cigli {
namespace {

// A dataset folder of `count` pairs: prompts 50x20, targets 20x20, every third row in "val".
void make_dataset(const std::filesystem::path& folder, int count) {
  std::vector<Row> rows;
  for (int i = 0; i < count; ++i) {
    Row row;
    row.id = "row-" + std::to_string(i);
    row.text = "sentence ü " + std::to_string(i * i);
    row.prompt_file_name = "p/" + row.id + ".png";
    row.target_file_name = "t/" + row.id + ".png";
    row.split = i % 3 == 2 ? "val" : "train";
    write_bytes(folder / row.prompt_file_name, encode_png(sample_image(50, 20, i % 6)));
    write_bytes(folder / row.target_file_name, encode_png(sample_image(20, 20, (i + 1) % 6)));
    rows.push_back(row);
  }
  write_metadata(folder, rows);
}

PackOptions small() {
  PackOptions options;
  options.size = 16;
  return options;
}

class PackFile : public testing::Test {
 protected:
  void SetUp() override { make_dataset(data(), 10); }
  std::filesystem::path data() const { return folder_ / "data"; }
  std::filesystem::path file() const { return folder_ / "pairs.pack"; }
  TemporaryFolder folder_;
};

TEST_F(PackFile, HoldsThePairs) {
  EXPECT_EQ(pack_dataset(data(), file(), small()).pairs, 10);
  const Pack pack(file());
  EXPECT_NO_THROW(pack.verify());
  ASSERT_EQ(pack.size(), 10);
  EXPECT_EQ(pack.prompt_width(), 40);
  EXPECT_EQ(pack.prompt_height(), 16);
  EXPECT_EQ(pack.target_width(), 16);
  EXPECT_EQ(pack.target_height(), 16);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(pack.id(i), "row-" + std::to_string(i));
    EXPECT_EQ(pack.text(i), "sentence ü " + std::to_string(i * i));
    EXPECT_EQ(pack.split(i), i % 3 == 2 ? "val" : "train");
    const Image prompt = resize(sample_image(50, 20, i % 6), 40, 16);
    const Image target = resize(sample_image(20, 20, (i + 1) % 6), 16, 16);
    EXPECT_EQ(std::memcmp(pack.prompt(i), prompt.pixels.data(), prompt.pixels.size()), 0);
    EXPECT_EQ(std::memcmp(pack.target(i), target.pixels.data(), target.pixels.size()), 0);
  }
  EXPECT_EQ(pack.indices("val"), (std::vector<std::int64_t>{2, 5, 8}));
  EXPECT_TRUE(pack.indices("").empty());
  EXPECT_EQ(pack.description()["pairs"], 10);
  EXPECT_EQ(pack.description()["splits"]["train"], 7);
}

TEST_F(PackFile, GivesBatches) {
  pack_dataset(data(), file(), small());
  const Pack pack(file());
  const Batch batch = pack.batch({7, 2});
  EXPECT_EQ(batch.ids, (std::vector<std::string>{"row-7", "row-2"}));
  EXPECT_EQ(batch.texts[1], "sentence ü 4");
  EXPECT_EQ(batch.prompt.sizes(), (std::vector<std::int64_t>{2, 3, 16, 40}));
  EXPECT_EQ(batch.target.sizes(), (std::vector<std::int64_t>{2, 3, 16, 16}));
  EXPECT_TRUE(batch.prompt.is_contiguous(at::MemoryFormat::ChannelsLast));
  EXPECT_TRUE(at::equal(batch.target[0], to_tensor(resize(sample_image(20, 20, 2), 16, 16))));
  EXPECT_EQ(pack.batch({7, 2}, torch::kBFloat16).prompt.scalar_type(), torch::kBFloat16);
  EXPECT_THROW(pack.batch({10}), std::out_of_range);
  EXPECT_THROW(pack.batch({-1}), std::out_of_range);
}

TEST_F(PackFile, BytesDependOnTheDataAlone) {
  PackOptions options = small();
  options.workers = 1;
  pack_dataset(data(), file(), options);
  for (const std::int64_t workers : {2, 3, 16}) {
    options.workers = workers;
    pack_dataset(data(), folder_ / "again.pack", options);
    EXPECT_EQ(read_file(file()), read_file(folder_ / "again.pack")) << workers;
  }
  make_dataset(folder_ / "copy", 10);
  pack_dataset(folder_ / "copy", folder_ / "again.pack", options);
  EXPECT_EQ(read_file(file()), read_file(folder_ / "again.pack"));
}

TEST_F(PackFile, ShapesAndSplitsAreOptions) {
  PackOptions options = small();
  options.splits = {"val"};
  options.prompt_width = 64;
  options.prompt_height = 32;
  EXPECT_EQ(pack_dataset(data(), file(), options).pairs, 3);
  const Pack pack(file());
  EXPECT_EQ(pack.prompt_width(), 64);
  EXPECT_EQ(pack.prompt_height(), 32);
  EXPECT_EQ(pack.id(1), "row-5");
  options.prompt_width = 60;
  EXPECT_THROW(pack_dataset(data(), file(), options), Error);
  options = small();
  options.splits = {"absent"};
  EXPECT_THROW(pack_dataset(data(), file(), options), Error);
}

// The configurations for photographs of 128 and 256 pixels have cells of 16 and 32.
TEST_F(PackFile, WidthsOfAnAspectSuitTheHeight) {
  const std::map<std::int64_t, std::int64_t> widths{{64, 88},   {96, 128},  {120, 160},
                                                    {128, 176}, {256, 352}, {512, 704}};
  for (int row = 0; row < 10; ++row)
    write_bytes(data() / ("t/row-" + std::to_string(row) + ".png"), encode_png(Image(40, 30)));
  for (const auto& [height, width] : widths) {
    PackOptions options;
    options.size = height;
    pack_dataset(data(), file(), options);
    EXPECT_EQ(Pack(file()).target_width(), width) << height;
  }
  // Who names a width gets it.
  PackOptions options;
  options.size = 128;
  options.target_width = 168;
  pack_dataset(data(), file(), options);
  EXPECT_EQ(Pack(file()).target_width(), 168);
}

TEST_F(PackFile, OtherAspectsAreLetterboxedOnTheirBorderColour) {
  Image tall(20, 40, 90);
  for (std::int64_t y = 10; y < 30; ++y) tall.at(10, y)[0] = 255;
  write_bytes(data() / "t/row-1.png", encode_png(tall));
  pack_dataset(data(), file(), small());
  const Pack pack(file());
  const std::uint8_t grey[3] = {90, 90, 90};
  const Image expected = letterbox(tall, 16, 16, grey);
  EXPECT_EQ(std::memcmp(pack.target(1), expected.pixels.data(), expected.pixels.size()), 0);
}

TEST_F(PackFile, BadRowStopsOrIsSkipped) {
  write_bytes(data() / "p/row-4.png", "broken");
  std::filesystem::remove(data() / "t/row-6.png");
  write_bytes(file(), "old");
  const std::string message = error_of([&] { pack_dataset(data(), file(), small()); });
  EXPECT_NE(message.find("metadata.jsonl:5: "), std::string::npos) << message;
  EXPECT_NE(message.find("row-4.png"), std::string::npos) << message;
  EXPECT_EQ(read_file(file()), "old");

  PackOptions options = small();
  options.skip_bad = true;
  const PackReport report = pack_dataset(data(), file(), options);
  EXPECT_EQ(report.pairs, 8);
  ASSERT_EQ(report.skipped.size(), 2U);
  EXPECT_NE(report.skipped[1].find("row-6.png"), std::string::npos);
  const Pack pack(file());
  EXPECT_NO_THROW(pack.verify());
  EXPECT_EQ(pack.size(), 8);
  EXPECT_EQ(pack.id(4), "row-5");
}

TEST_F(PackFile, ASignalLeavesNothingBehind) {
  EXPECT_THROW(pack_dataset(data(), file(), small(), [](auto, auto) { raise(SIGTERM); }), Interrupted);
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) EXPECT_EQ(entry.path(), data());
}

TEST_F(PackFile, DatasetWithoutUsableRowIsAnError) {
  PackOptions options = small();
  options.skip_bad = true;
  write_bytes(data() / "metadata.jsonl", "nothing\n");
  EXPECT_THROW(pack_dataset(data(), file(), options), Error);
  make_dataset(data(), 1);
  write_bytes(data() / "p/row-0.png", "broken");
  EXPECT_THROW(pack_dataset(data(), file(), options), Error);
  EXPECT_FALSE(std::filesystem::exists(file()));
}

TEST_F(PackFile, EveryTruncationIsAnError) {
  pack_dataset(data(), file(), small());
  const std::string bytes = read_file(file());
  for (std::size_t size = 0; size < bytes.size(); size += 1 + bytes.size() / 200) {
    write_bytes(folder_ / "cut.pack", bytes.substr(0, size));
    EXPECT_THROW(Pack(folder_ / "cut.pack"), Error) << size;
  }
}

// Opening may accept damage that only the checksum shows, but then every access stays inside the file.
TEST_F(PackFile, DamageIsFoundOrHarmless) {
  pack_dataset(data(), file(), small());
  const std::string bytes = read_file(file());
  const std::size_t strings = bytes.size() - 1200;  // index, texts and trailer
  for (std::size_t at = 0; at < bytes.size(); at += at < 128 || at > strings ? 1 : 997) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ (at % 2 == 0 ? 0x80 : 0x01));
    write_bytes(folder_ / "bad.pack", damaged);
    try {
      const Pack pack(folder_ / "bad.pack");
      EXPECT_THROW(pack.verify(), Error) << at;
      for (std::int64_t i = 0; i < pack.size(); ++i) pack.batch({i});
    } catch (const Error&) {
    }
  }
}

TEST_F(PackFile, HostileHeadersAreErrors) {
  const auto open = [&](const std::string& json, std::uint64_t count, std::uint64_t length) {
    std::string bytes = "CIGLIPK1" + std::string(reinterpret_cast<const char*>(&length), 8) + json;
    std::uint64_t strings_at = bytes.size();
    bytes += std::string(8, '\0') + std::string(reinterpret_cast<const char*>(&count), 8) +
             std::string(reinterpret_cast<const char*>(&strings_at), 8) + std::string(64, '0');
    write_bytes(folder_ / "hostile.pack", bytes);
    return error_of([&] { Pack(folder_ / "hostile.pack"); });
  };
  const std::string good = R"({"version":1,"prompt":[8,8],"target":[8,8]})";
  EXPECT_EQ(open(good, 0, good.size()), "");
  EXPECT_NE(open(good, 0, ~std::uint64_t{0}), "");
  EXPECT_NE(open(good, ~std::uint64_t{0} / 384 + 1, good.size()), "");
  EXPECT_NE(open(good, std::uint64_t{1} << 63, good.size()), "");
  const std::vector<std::string> others = {"[]",
                                           "{",
                                           std::string(4000, '['),
                                           R"({"version":2,"prompt":[8,8],"target":[8,8]})",
                                           R"({"version":1,"prompt":[0,8],"target":[8,8]})",
                                           R"({"version":1,"prompt":[-8,8],"target":[8,8]})",
                                           R"({"version":1,"prompt":[8],"target":[8,8]})",
                                           R"({"version":1,"prompt":[8,4000000000000],"target":[8,8]})"};
  for (const std::string& json : others) EXPECT_NE(open(json, 0, json.size()), "") << json;
}

}  // namespace
}  // namespace cigli
