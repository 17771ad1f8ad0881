#include "dataset/nlvr1.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <set>

#include "dataset/caption.h"
#include "dataset/metadata.h"
#include "runtime/error.h"
#include "samples.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kBoxes = R"([[{"x_loc":1}],[{"x_loc":2}],[{"x_loc":3}]])";

std::string nlvr1_line(const std::string& identifier, const std::string& label, const std::string& more = "",
                       const std::string& sentence = "There is a box.") {
  return R"({"sentence":")" + sentence + R"(","label":")" + label + R"(","identifier":")" + identifier +
         R"(","structured_rep":)" + kBoxes + more + "}\n";
}

// Boxes of three greys, 60 and 120 and 180, between bars of 10.
Image scene() {
  Image image(400, 100, 10);
  for (std::int64_t y = 0; y < 100; ++y)
    for (std::int64_t x = 0; x < 400; ++x)
      if (x % 150 < 100)
        for (int c = 0; c < 3; ++c) image.at(x, y)[c] = static_cast<std::uint8_t>(60 * (x / 150 + 1));
  return image;
}

class Nlvr1 : public testing::Test {
 protected:
  fs::path source() const { return folder_ / "nlvr/dev"; }
  fs::path out() const { return folder_ / "out"; }
  void add_images(const std::string& subfolder, const std::string& identifier) {
    for (int k = 0; k < 6; ++k)
      write_png_at(source() / subfolder / ("dev-" + identifier + "-" + std::to_string(k) + ".png"));
  }
  static void write_png_at(const fs::path& file) { write_bytes(file, encode_png(scene())); }
  TemporaryFolder folder_;
};

TEST_F(Nlvr1, CutsPromptAndTarget) {
  write_bytes(source() / "dev.json", nlvr1_line("12-0", "true", R"(,"directory":"3","evals":{"r0":"true"})") +
                                         nlvr1_line("12-1", "false", R"(,"directory":"3")"));
  add_images("images/3", "12-0");
  const ImportReport report = import_nlvr1(source(), out());
  EXPECT_EQ(report.pairs, 6);
  EXPECT_EQ(report.skipped, 0);
  const std::vector<Row> rows = read_metadata_strict(out());
  ASSERT_EQ(rows.size(), 6U);
  EXPECT_EQ(rows[4].id, "dev-12-0-4");
  EXPECT_EQ(rows[4].text, "There is a box.");
  EXPECT_EQ(rows[4].prompt_file_name, "prompts/12-0-4.png");  // no split's name: loaders guess splits from it
  EXPECT_EQ(rows[4].object["source"], "nlvr1");
  EXPECT_EQ(rows[4].object["order"], nlohmann::ordered_json({2, 0, 1}));
  EXPECT_EQ(rows[4].object["structured_rep"].dump(), R"([[{"x_loc":3}],[{"x_loc":1}],[{"x_loc":2}]])");
  const Image prompt = read_image(out() / rows[4].prompt_file_name);
  const Image target = read_image(out() / rows[4].target_file_name);
  EXPECT_EQ(target, Image(100, 100, 180));
  ASSERT_EQ(prompt.width, 250);
  ASSERT_EQ(prompt.height, 100);
  EXPECT_EQ(prompt.at(99, 50)[0], 60);
  EXPECT_EQ(prompt.at(100, 50)[0], 10);
  EXPECT_EQ(prompt.at(150, 50)[0], 120);
  EXPECT_EQ(prompt.at(249, 50)[0], 120);
}

TEST_F(Nlvr1, FindsImagesByNameWhereKeysLack) {
  write_bytes(source() / "hidden.json", R"({"sentence":"There is a box.","label":"true","identifier":"7-2"})"
                                        "\n");
  for (int k = 0; k < 6; ++k) write_png_at(source() / "images/a/b" / ("hidden-7-2-" + std::to_string(k) + ".png"));
  EXPECT_EQ(import_nlvr1(source(), out()).pairs, 6);
  EXPECT_FALSE(read_metadata_strict(out())[0].object.contains("structured_rep"));
}

TEST_F(Nlvr1, ReportsAndSkipsWhatIsBad) {
  write_bytes(source() / "dev.json", nlvr1_line("1-0", "true") + "{\"sentence\":\n" + nlvr1_line("2-0", "maybe") +
                                         nlvr1_line("../3", "true") + nlvr1_line("1-0", "true") +
                                         nlvr1_line("4-0", "false"));
  add_images("images/1", "1-0");
  fs::remove(source() / "images/1/dev-1-0-2.png");
  write_bytes(source() / "images/1/dev-1-0-3.png", encode_png(scene()).substr(0, 200));
  write_bytes(source() / "images/1/dev-1-0-5.png", encode_png(Image(50, 50)));
  const ImportReport report = import_nlvr1(source(), out());
  EXPECT_EQ(report.pairs, 3);
  EXPECT_EQ(report.skipped, 7);
  ASSERT_EQ(report.reasons.size(), 7U);
  const auto has = [&](int i, const std::string& part) {
    EXPECT_NE(report.reasons[i].find(part), std::string::npos) << report.reasons[i] << " lacks " << part;
  };
  has(0, "dev.json:2: malformed JSON");
  has(1, "dev.json:3: label \"maybe\"");
  has(2, "dev.json:4: identifier \"../3\"");
  has(3, "dev.json:5: duplicate identifier");
  has(4, "dev.json:1: no image dev-1-0-2.png");
  has(5, "truncated");
  has(6, "50x50 pixels, expected 400x100");
  EXPECT_EQ(read_metadata_strict(out()).size(), 3U);
}

TEST_F(Nlvr1, FolderOfAnotherLayoutIsAnError) {
  EXPECT_THROW(import_nlvr1(source(), out()), Error);
  fs::create_directories(source());
  EXPECT_THROW(import_nlvr1(source(), out()), Error);
  write_bytes(source() / "dev.json", nlvr1_line("1-0", "true"));
  EXPECT_THROW(import_nlvr1(source(), out()), Error);  // no images
  EXPECT_FALSE(fs::exists(out() / "metadata.jsonl"));
}

TEST_F(Nlvr1, SplitGoesByTheSentenceOrByOption) {
  std::string lines;
  for (int n = 0; n < 24; ++n)
    for (const char* part : {"-0", "-3"}) {
      const std::string sentence = "There are " + std::to_string(n % 20) + (n < 20 ? " blocks." : " Blocks");
      lines += nlvr1_line(std::to_string(n) + part, "true", "", sentence);
      add_images("images", std::to_string(n) + part);
    }
  write_bytes(source() / "dev.json", lines);
  Nlvr1Options options;
  options.val_share = 0.3;
  import_nlvr1(source(), out(), options);
  std::map<std::string, std::set<std::string>> splits;
  std::map<std::string, int> counts;
  for (const Row& row : read_metadata_strict(out())) {
    splits[row.text.substr(0, row.text.find_first_of("bB"))].insert(row.split);
    ++counts[row.split];
  }
  EXPECT_EQ(splits.size(), 20U);  // four sentences stand in two numbers each, but for a capital and the full stop
  for (const auto& [sentence, seen] : splits) EXPECT_EQ(seen.size(), 1U) << sentence;
  EXPECT_EQ(counts["train"] + counts["val"], 288);
  EXPECT_GT(counts["val"], 0);  // 6 of 20 sentences expected, standard deviation 2.0
  EXPECT_LT(counts["val"], 180);
  options.split = "test";
  EXPECT_THROW(import_nlvr1(source(), out(), options), Error);  // holds a dataset already
  import_nlvr1(source(), folder_ / "other", options);
  for (const Row& row : read_metadata_strict(folder_ / "other")) EXPECT_EQ(row.split, "test");
}

// The colour that `structured_rep` gives each box's items must be what the cut images show, for every order.
void expect_items_where_described(const fs::path& folder, const Row& row) {
  static const std::map<std::string, std::array<int, 3>> kColours = {
      {"Black", {0, 0, 0}}, {"Yellow", {255, 255, 0}}, {"#0099ff", {0, 153, 255}}};
  const Image prompt = read_image(folder / row.prompt_file_name), target = read_image(folder / row.target_file_name);
  for (int box = 0; box < 3; ++box)
    for (const auto& item : row.object["structured_rep"][box]) {
      const std::int64_t half = item["size"].get<std::int64_t>() / 2;
      const std::int64_t x = item["x_loc"].get<std::int64_t>() + half, y = item["y_loc"].get<std::int64_t>() + half;
      if (x >= 100 || y >= 100) continue;
      const std::uint8_t* pixel = box < 2 ? prompt.at(150 * box + x, y) : target.at(x, y);
      for (int c = 0; c < 3; ++c) EXPECT_NEAR(pixel[c], kColours.at(item["color"])[c], 60) << row.id;
    }
}

TEST(Nlvr1ReleaseSlow, CountsAreThePublishedOnes) {
  TemporaryFolder folder;
  for (const auto& [split, pairs] : {std::pair{"dev", 3282}, std::pair{"test", 3336}}) {
    const fs::path archive = fs::path(CIGLI_TEST_DATA) / "data/nlvr1" / (std::string(split) + ".tar.gz");
    if (!fs::exists(archive)) GTEST_SKIP() << "no " << archive;
    ASSERT_EQ(std::system(("tar -xzf '" + archive.string() + "' -C '" + folder.path().string() + "'").c_str()), 0);
    const fs::path out = folder / (std::string("out-") + split);
    const ImportReport report = import_nlvr1(folder / (std::string("nlvr/") + split), out);
    EXPECT_EQ(report.pairs, pairs);
    EXPECT_EQ(report.skipped, 0);
    const std::vector<Row> rows = read_metadata_strict(out);
    EXPECT_EQ(rows.size(), static_cast<std::size_t>(pairs));
    for (std::size_t i = 0; i < rows.size(); i += 7) expect_items_where_described(out, rows[i]);
    std::map<std::vector<std::string>, std::string> splits;
    for (const Row& row : rows)
      EXPECT_EQ(splits.emplace(caption_words(row.text), row.split).first->second, row.split) << row.id;
  }
}

}  // namespace
}  // namespace cigli
