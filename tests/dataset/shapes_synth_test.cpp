#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "dataset/image.h"
#include "dataset/metadata.h"
#include "dataset/shapes/checker.h"
#include "dataset/shapes/synth.h"
#include "runtime/error.h"
#include "runtime/files.h"
#include "tests/temporary_folder.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;

class ShapesSynth : public testing::Test {
 protected:
  SynthOptions options(const std::string& name, std::int64_t count) const {
    SynthOptions o;
    o.out = (folder_ / name).string();
    o.count = count;
    o.seed = 5;
    return o;
  }
  static void run(const SynthOptions& options) {
    synthesise(options, [](std::int64_t) {});
  }
  // Every file's name and content.
  static std::map<std::string, std::string> content(const fs::path& folder) {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder))
      if (entry.is_regular_file()) files[fs::relative(entry.path(), folder).string()] = read_file(entry.path());
    return files;
  }

  const TemporaryFolder folder_;
};

TEST_F(ShapesSynth, WritesADatasetWhoseTargetsHold) {
  const SynthOptions o = options("a", 200);
  run(o);
  const std::vector<Row> rows = read_metadata_strict(o.out);
  ASSERT_EQ(rows.size(), 200U);
  std::map<std::string, int> splits, unseen;
  for (const Row& row : rows) {
    ++splits[row.split];
    unseen[row.split] += !row.object.at("seen").get<bool>();
    EXPECT_EQ(row.object.at("source"), "shapes-64");
    EXPECT_EQ(row.object.at("family"), row.object.at("program").at("family"));
    const Image prompt = read_image(fs::path(o.out) / row.prompt_file_name);
    const Image target = read_image(fs::path(o.out) / row.target_file_name);
    EXPECT_EQ(prompt.width, 64);
    EXPECT_EQ(target.height, 64);
    EXPECT_TRUE(check_row(row.object, target).holds) << row.text;
    EXPECT_FALSE(check_row(row.object, prompt).holds) << row.text;
  }
  EXPECT_EQ(splits, (std::map<std::string, int>{{"train", 160}, {"val", 20}, {"test", 20}}));
  EXPECT_EQ(unseen, (std::map<std::string, int>{{"train", 0}, {"val", 10}, {"test", 10}}));
}

TEST_F(ShapesSynth, IsTheSameByteForByteOnAnyNumberOfThreads) {
  SynthOptions one = options("one", 120), three = options("three", 120);
  one.workers = 1;
  three.workers = 3;
  run(one);
  run(three);
  EXPECT_EQ(content(one.out), content(three.out));
}

TEST_F(ShapesSynth, AnotherSeedMakesOtherPairs) {
  SynthOptions one = options("one", 10), other = options("other", 10);
  other.seed = 6;
  run(one);
  run(other);
  EXPECT_NE(content(one.out), content(other.out));
}

TEST_F(ShapesSynth, OneSplitOtherWorldOtherSize) {
  SynthOptions o = options("val", 44);
  o.split = "val";
  o.world = "shapes-rich";
  o.size = 96;
  run(o);
  for (const Row& row : read_metadata_strict(o.out)) {
    EXPECT_EQ(row.split, "val");
    EXPECT_EQ(row.object.at("source"), "shapes-rich");
    EXPECT_TRUE(check_row(row.object, read_image(fs::path(o.out) / row.target_file_name)).holds) << row.text;
  }
}

// A split made alone has the same first pairs as the one made with the others.
TEST_F(ShapesSynth, PairsDoNotDependOnTheCount) {
  SynthOptions all = options("all", 100), val = options("val", 10);
  val.split = "val";
  run(all);
  run(val);
  std::vector<std::string> texts, alone;
  for (const Row& row : read_metadata_strict(all.out))
    if (row.split == "val") texts.push_back(row.text + row.object.at("program").dump());
  for (const Row& row : read_metadata_strict(val.out)) alone.push_back(row.text + row.object.at("program").dump());
  EXPECT_EQ(texts, alone);
}

TEST_F(ShapesSynth, AFolderHoldsAThousandImagesAtMost) {
  const SynthOptions o = options("many", 501);
  run(o);
  const auto files = [&](const char* shard) {
    const fs::directory_iterator all(fs::path(o.out) / "images" / shard);
    return std::distance(begin(all), end(all));
  };
  EXPECT_EQ(files("0000"), 1000);
  EXPECT_EQ(files("0001"), 2);
}

TEST_F(ShapesSynth, AnInterruptedRunLeavesNoMetadata) {
  const SynthOptions o = options("half", 30);
  EXPECT_THROW(synthesise(o, [](std::int64_t) { throw Error("interrupted"); }), Error);
  EXPECT_FALSE(fs::exists(fs::path(o.out) / "metadata.jsonl"));
  run(o);
  EXPECT_EQ(read_metadata_strict(o.out).size(), 30U);
}

TEST_F(ShapesSynth, LeavesAnExistingDatasetAlone) {
  const SynthOptions o = options("twice", 10);
  run(o);
  const auto before = content(o.out);
  SynthOptions again = o;
  again.seed = 99;
  EXPECT_THROW(run(again), Error);
  EXPECT_EQ(content(o.out), before);
}

}  // namespace
}  // namespace cigli
