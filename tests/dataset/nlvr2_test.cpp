#include "dataset/nlvr2.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <chrono>
#include <cstdlib>
#include <map>
#include <set>

#include "dataset/check.h"
#include "dataset/metadata.h"
#include "runtime/error.h"
#include "runtime/files.h"
#include "samples.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr auto published = Nlvr2Filter::published, corrected = Nlvr2Filter::corrected;

TEST(Nlvr2Filter, NamesOfImages) {
  for (const char* sentence : {"The left image shows a dog.", "A dog is ON THE RIGHT.", "One image has no dogs.",
                               "The dog in the leftmost photo sits.", "Every photo has a dog."})
    EXPECT_TRUE(keeps(published, sentence)) << sentence;
  for (const char* sentence : {"The dog in the image sleeps.", "Dogs sit left of cats."})
    EXPECT_FALSE(keeps(published, sentence)) << sentence;
}

TEST(Nlvr2Filter, PhrasesOverBothNeedBothImagesByName) {
  EXPECT_FALSE(keeps(published, "There are two dogs in each image."));
  EXPECT_FALSE(keeps(published, "The left image has at least two dogs."));
  EXPECT_TRUE(keeps(published, "The left image has at least two dogs and the right image has none."));
}

TEST(Nlvr2Filter, CountsFromTheStart) {
  for (const char* sentence :
       {"There are two dogs.", "There are exactly two dogs.", "There are a few dogs.", "There is one dog.",
        "There is  an\tox here.", "Exactly two dogs sit.", "Only a dog sits."}) {
    EXPECT_TRUE(keeps(published, sentence)) << sentence;
    EXPECT_TRUE(keeps(corrected, sentence)) << sentence;
  }
  for (const char* sentence : {"There are many dogs.", "There are exactly no dogs.", "There are two.",
                               "There is no dog.", "Exactly eleven dogs sit.", "Dogs", ""}) {
    EXPECT_FALSE(keeps(published, sentence)) << sentence;
    EXPECT_FALSE(keeps(corrected, sentence)) << sentence;
  }
  EXPECT_TRUE(keeps(published, "With two dogs, a man walks."));  // the slip: its second word is a number
  EXPECT_FALSE(keeps(corrected, "With two dogs, a man walks."));
  EXPECT_FALSE(keeps(published, "Two dogs sit."));
  EXPECT_TRUE(keeps(corrected, "Two dogs sit."));
  EXPECT_TRUE(keeps(Nlvr2Filter::none, "Dogs"));
  EXPECT_THROW(nlvr2_filter_named("strict"), Error);
}

std::string nlvr2_line(const std::string& identifier, const std::string& label = "True",
                       const std::string& sentence = "The left image shows a dog.", std::string left_url = "") {
  const std::string pair = identifier.substr(0, identifier.rfind('-'));
  if (left_url.empty()) left_url = "http://left/" + pair;
  return R"({"sentence":")" + sentence + R"(","label":")" + label + R"(","identifier":")" + identifier +
         R"(","synset":"dog","left_url":")" + left_url + R"(","right_url":"http://right/)" + pair + "\"}\n";
}

class Nlvr2 : public testing::Test {
 protected:
  fs::path annotations() const { return folder_ / "dev.json"; }
  fs::path images() const { return folder_ / "images"; }
  fs::path out() const { return folder_ / "out"; }
  void add_image(const std::string& name, const std::string& bytes) { write_bytes(images() / name, bytes); }
  void add_pair(const std::string& pair, int variant = 0) {
    add_image("dev-" + pair + "-img0.png", encode_png(sample_image(20, 12, variant)));
    add_image("dev-" + pair + "-img1.png", encode_png(sample_image(12, 20, variant + 1)));
  }
  TemporaryFolder folder_;
};

TEST_F(Nlvr2, MakesAPairOfEachSide) {
  write_bytes(annotations(),
              nlvr2_line("dev-7-2-0") + nlvr2_line("dev-7-2-1", "False") + nlvr2_line("dev-7-2-2", "True", "Dogs."));
  add_pair("7-2");
  Nlvr2Options options;
  options.side = "both";
  options.split = "train";
  const Nlvr2Report report = import_nlvr2(annotations(), images(), out(), options);
  EXPECT_EQ(to_json(report).dump(), R"({"rows":3,"malformed":0,"labelled_false":1,"filtered":1,"missing_images":0,)"
                                    R"("damaged_images":0,"kept":1,"pairs":2})");
  const std::vector<Row> rows = read_metadata_strict(out());
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].id, "dev-7-2-0-right");
  EXPECT_EQ(rows[0].text, "The left image shows a dog.");
  EXPECT_EQ(rows[0].prompt_file_name, "images/7-2-0.png");
  EXPECT_EQ(rows[0].target_file_name, "images/7-2-1.png");
  EXPECT_EQ(rows[0].object["source"], "nlvr2");
  EXPECT_EQ(rows[0].object["side"], "right");
  EXPECT_EQ(rows[0].object["left_url"], "http://left/dev-7-2");
  EXPECT_EQ(rows[1].id, "dev-7-2-0-left");
  EXPECT_EQ(rows[1].prompt_file_name, rows[0].target_file_name);
  EXPECT_EQ(rows[1].target_file_name, rows[0].prompt_file_name);
  EXPECT_EQ(read_image(out() / rows[0].target_file_name), sample_image(12, 20, 1));
  EXPECT_EQ(read_file(out() / "skipped.jsonl"), "");
  EXPECT_TRUE(check_dataset(out()).passes());
}

TEST_F(Nlvr2, FindsImagesInFoldersWhateverTheirFormat) {
  write_bytes(annotations(), nlvr2_line("dev-7-2-0"));
  const std::string white(3 * 8, '\xff');
  const std::string bmp = std::string("BM\x4e\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x02\0\0\0\x03\0\0\0\x01\0\x18\0", 30) +
                          std::string(24, '\0') + white;
  add_image("12/dev-7-2-img0.png", bmp);
  add_image("3/dev-7-2-img1.png", encode_png(sample_image(9, 9)));
  fs::create_directory_symlink(images(), images() / "loop");
  fs::create_symlink("dev-1-1-img0.png", images() / "dev-1-1-img0.png");
  import_nlvr2(annotations(), images(), out());
  const Row row = read_metadata_strict(out()).at(0);
  EXPECT_EQ(row.prompt_file_name, "images/7-2-0.bmp");
  EXPECT_EQ(row.target_file_name, "images/7-2-1.png");
  EXPECT_EQ(read_image(out() / row.prompt_file_name).width, 2);
  EXPECT_THROW(import_nlvr2(annotations(), images(), out()), Error);  // holds a dataset already
}

TEST_F(Nlvr2, WhatIsBadIsListedAndTheCountsAddUp) {
  write_bytes(annotations(), nlvr2_line("dev-1-0-0") + "{\"sentence\":\n" + "\n" + nlvr2_line("dev-1-0-1", "true") +
                                 nlvr2_line("../../etc/passwd") + nlvr2_line("dev-1-0-0") + nlvr2_line("dev-2-0-0") +
                                 nlvr2_line("dev-3-0-0") + nlvr2_line("dev-4-0-0") + nlvr2_line("dev-5-0-0", "False") +
                                 nlvr2_line("dev-6-0-0", "True", "Dogs."));
  for (const char* pair : {"1-0", "3-0", "4-0"}) add_pair(pair);
  add_image("dev-3-0-img0.png", "<html><body>404 Not Found</body></html>");
  add_image("dev-4-0-img1.png", encode_png(sample_image(20, 12)).substr(0, 100));
  const Nlvr2Report report = import_nlvr2(annotations(), images(), out());
  const Nlvr2Counts& n = report.counts;
  EXPECT_EQ(n.rows, 10);
  EXPECT_EQ(n.malformed, 4);
  EXPECT_EQ(n.missing_images, 1);
  EXPECT_EQ(n.damaged_images, 2);
  EXPECT_EQ(n.kept, 1);
  EXPECT_EQ(n.malformed + n.labelled_false + n.filtered + n.missing_images + n.damaged_images + n.kept, n.rows);
  const std::vector<std::pair<int, std::string>> expected = {
      {2, "malformed JSON"},
      {4, "label \"true\""},
      {5, "identifier \"../../etc/passwd\""},
      {6, "identifier dev-1-0-0 a second time"},
      {7, "no image dev-2-0-img0.png; no image dev-2-0-img1.png"},
      {8, "dev-3-0-img0.png"},
      {9, "dev-4-0-img1.png"}};
  ASSERT_EQ(report.skips.size(), expected.size());
  std::string lines = read_file(out() / "skipped.jsonl");
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(report.skips[i].line, expected[i].first);
    EXPECT_NE(report.skips[i].reason.find(expected[i].second), std::string::npos) << report.skips[i].reason;
    const std::size_t end = lines.find('\n');
    ASSERT_NE(end, std::string::npos);
    EXPECT_EQ(Json::parse(lines.substr(0, end)), (Json{{"line", expected[i].first},
                                                       {"identifier", report.skips[i].identifier},
                                                       {"reason", report.skips[i].reason}}));
    lines.erase(0, end + 1);
  }
  EXPECT_EQ(lines, "");
}

TEST_F(Nlvr2, NothingLeftIsAnError) {
  EXPECT_THROW(import_nlvr2(annotations(), images(), out()), Error);
  write_bytes(annotations(), nlvr2_line("dev-1-0-0"));
  EXPECT_THROW(import_nlvr2(annotations(), images(), out()), Error);  // no folder of images
  fs::create_directories(images());
  EXPECT_THROW(import_nlvr2(annotations(), images(), out()), Error);  // no images
  EXPECT_FALSE(fs::exists(out() / "metadata.jsonl"));
}

TEST_F(Nlvr2, AnImageSetIsInOneSplit) {
  std::string lines;
  for (int set = 0; set < 30; ++set)
    for (int pair = 0; pair < 3; ++pair) {
      const std::string name = std::to_string(set) + '-' + std::to_string(pair);
      add_pair(name, set);
      lines += nlvr2_line("dev-" + name + "-0") + nlvr2_line("dev-" + name + "-1");
    }
  write_bytes(annotations(), lines);
  Nlvr2Options options;
  options.val_share = 0.3;
  import_nlvr2(annotations(), images(), out(), options);
  std::map<std::string, std::set<std::string>> splits;
  std::map<std::string, int> counts;
  for (const Row& row : read_metadata_strict(out())) {
    const std::string identifier = row.object["identifier"];
    splits[identifier.substr(0, identifier.find('-', 4))].insert(row.split);
    ++counts[row.split];
  }
  EXPECT_EQ(splits.size(), 30U);
  for (const auto& [set, seen] : splits) EXPECT_EQ(seen.size(), 1U) << set;
  EXPECT_EQ(counts["train"] + counts["val"], 180);
  EXPECT_GT(counts["val"], 0);  // 9 of 30 sets expected, standard deviation 2.5
  EXPECT_LT(counts["val"], 120);
}

TEST_F(Nlvr2, SetsThatShareAPhotographAreInOneSplit) {
  std::string lines;
  for (int set = 10; set < 40; ++set) {  // two sets a photograph, and the next pair of sets by a second sentence
    const std::string name = "dev-" + std::to_string(set);
    add_pair(std::to_string(set) + "-0", set);
    lines += nlvr2_line(name + "-0-0", "True", "The left image shows a dog.", "http://a/" + std::to_string(set / 2));
    if (set < 20) {
      add_pair(std::to_string(set) + "-1", set);
      lines += nlvr2_line(name + "-1-0", "True", "The left image shows a dog.", "http://b/" + std::to_string(set / 4));
    }
  }
  write_bytes(annotations(), lines);
  Nlvr2Options options;
  options.val_share = 0.5;
  import_nlvr2(annotations(), images(), out(), options);
  std::map<int, std::set<std::string>> splits;  // of groups of four below 20 (10 and 11 alone), of two above
  std::set<std::string> all;
  for (const Row& row : read_metadata_strict(out())) {
    const int set = std::stoi(row.id.substr(4, 2));
    splits[set < 20 ? set / 4 : set / 2 + 100].insert(row.split);
    all.insert(row.split);
  }
  EXPECT_EQ(splits.size(), 13U);
  for (const auto& [group, seen] : splits) EXPECT_EQ(seen.size(), 1U) << group;
  EXPECT_EQ(all.size(), 2U);
}

TEST_F(Nlvr2, RowsOfTwoReleasedSplitsAreAnError) {
  write_bytes(annotations(), nlvr2_line("dev-1-0-0") + nlvr2_line("test1-1-0-0"));
  add_pair("1-0");
  try {
    import_nlvr2(annotations(), images(), out());
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("dev.json:2: identifier test1-1-0-0"), std::string::npos) << error.what();
  }
  EXPECT_FALSE(fs::exists(out()));
}

TEST_F(Nlvr2, AListCutShortIsAnError) {
  std::string lines;
  for (int i = 0; i < 5000; ++i) lines += nlvr2_line("dev-" + std::to_string(i * 7919 % 5000) + "-0-0");
  const fs::path file = folder_ / "dev.json.gz";
  const gzFile packed = gzopen(file.c_str(), "wb");
  gzwrite(packed, lines.data(), static_cast<unsigned>(lines.size()));
  gzclose(packed);
  std::int64_t kept = 0;
  EXPECT_EQ(list_nlvr2(file, published, [&](const std::string&) { ++kept; }).counts.kept, 5000);
  EXPECT_EQ(kept, 5000);
  fs::resize_file(file, fs::file_size(file) - 200);
  EXPECT_THROW(list_nlvr2(file, published, [](const std::string&) {}), Error);
}

// Identifiers that the released code of CIGLI's authors keeps, in order, and the counts without its slip.
TEST(Nlvr2Release, KeepsWhatThePublishedFilterKeeps) {
  const fs::path folder = fs::path(CIGLI_TEST_DATA) / "data/nlvr2";
  if (!fs::exists(folder)) GTEST_SKIP() << "no " << folder;
  const auto start = std::chrono::steady_clock::now();
  for (const auto& [name, size, repaired] : {std::tuple{"dev", 1827, 2174}, std::tuple{"test1", 1805, 2139}}) {
    const fs::path annotations = folder / (std::string(name) + ".json.gz");
    std::string kept;
    const Nlvr2Report report = list_nlvr2(annotations, published, [&](const std::string& id) { kept += id + '\n'; });
    EXPECT_EQ(report.counts.kept, size);
    EXPECT_TRUE(report.skips.empty());
    EXPECT_EQ(kept, read_file(folder / (std::string(name) + ".kept.txt")));
    EXPECT_EQ(list_nlvr2(annotations, corrected, [](const std::string&) {}).counts.kept, repaired);
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
#ifdef __OPTIMIZE__                // or it says nothing of the program
  EXPECT_LT(seconds.count(), 10);  // twice over 13,949 rows; 0.5 s where nothing else runs and nothing is checked
#endif
}

}  // namespace
}  // namespace cigli
