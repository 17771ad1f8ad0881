#include "eval/consistency.h"

#include <gtest/gtest.h>

#include <fstream>
#include <memory>

#include "dataset/image.h"
#include "dataset/metadata.h"
#include "dataset/shapes/synth.h"
#include "runtime/error.h"
#include "tests/temporary_folder.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;

// A small synthetic dataset, made once, and a folder of generated images for each test.
class ConsistencyScore : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    scratch = std::make_unique<TemporaryFolder>();
    SynthOptions options;
    options.out = (*scratch / "data").string();
    options.count = 40;
    options.seed = 3;
    options.split = "test";
    synthesise(options, [](std::int64_t) {});
    rows = read_metadata_strict(*scratch / "data");
  }
  static void TearDownTestSuite() { scratch.reset(); }
  void SetUp() override { fs::create_directory(generated); }
  void TearDown() override { fs::remove_all(generated); }

  // Gives row i its own target (or its prompt) as the generated image.
  void give(std::size_t i, bool target = true) const {
    const std::string& name = target ? rows[i].target_file_name : rows[i].prompt_file_name;
    fs::copy_file(folder / "data" / name, generated / (rows[i].id + ".png"), fs::copy_options::overwrite_existing);
  }
  Consistency score(const ConsistencyOptions& options = {}) const {
    return score_consistency(generated, folder / "data", options);
  }
  std::string message() const {
    return error_of([&] { score(); });
  }

  static inline std::unique_ptr<TemporaryFolder> scratch;
  static inline std::vector<Row> rows;
  const fs::path folder = scratch->path(), generated = folder / "generated";
};

TEST_F(ConsistencyScore, TrueTargetsHold) {
  for (std::size_t i = 0; i < rows.size(); ++i) give(i);
  const Consistency all = score();
  EXPECT_GE(all.scores.all.accuracy, 0.97);
  EXPECT_EQ(all.scores.all.n, 40);
  EXPECT_EQ(all.scores.all.clusters, 40);
  EXPECT_EQ(all.scores.seen.n + all.scores.unseen.n, 40);
  EXPECT_EQ(all.scores.seen.n, 20);  // half of a test split has unseen combinations
  EXPECT_EQ(all.scores.seen_paraphrase.n + all.scores.unseen_paraphrase.n, 40);
  EXPECT_GT(all.scores.unseen_paraphrase.n, 0);
  std::int64_t n = 0;
  for (const auto& [family, one] : all.scores.families) n += one.n;
  EXPECT_EQ(n, 40);
  EXPECT_EQ(all.scores.families.size(), 10u);
  EXPECT_TRUE(all.missing.empty() && all.damaged.empty());
}

TEST_F(ConsistencyScore, CountsWhatHoldsByGroup) {
  for (std::size_t i = 0; i < rows.size(); ++i) give(i, rows[i].object.at("seen").get<bool>());
  const Consistency consistency = score();
  EXPECT_GE(consistency.scores.seen.accuracy, 0.95);
  EXPECT_LE(consistency.scores.unseen.accuracy, 0.05);  // copies of the prompt
  EXPECT_NEAR(consistency.scores.all.accuracy,
              (consistency.scores.seen.accuracy + consistency.scores.unseen.accuracy) / 2, 1e-9);
  EXPECT_LT(consistency.scores.all.interval.low, consistency.scores.all.accuracy);
  EXPECT_GT(consistency.scores.all.interval.high, consistency.scores.all.accuracy);
  ASSERT_EQ(consistency.rows.size(), 40u);
  for (const RowScore& row : consistency.rows) EXPECT_EQ(row.value == 1, row.reason.empty());
  EXPECT_EQ(consistency.rows[0].seen, rows[0].object.at("seen").get<bool>());
}

TEST_F(ConsistencyScore, MissingImagesAreFailuresUnlessLeftOut) {
  for (std::size_t i = 2; i < rows.size(); ++i) give(i);
  const Consistency consistency = score();
  EXPECT_EQ(consistency.scores.all.n, 40);
  EXPECT_NEAR(consistency.scores.all.accuracy, 38 / 40.0, 1e-9);
  EXPECT_EQ(consistency.missing, (std::vector<std::string>{rows[0].id, rows[1].id}));
  EXPECT_EQ(consistency.rows[0].reason, "no image");
  EXPECT_EQ(to_json(consistency)["missing"], 2);
  ConsistencyOptions present;
  present.present_only = true;
  const Consistency others = score(present);
  EXPECT_EQ(others.scores.all.n, 38);
  EXPECT_NEAR(others.scores.all.accuracy, 1, 1e-9);
  EXPECT_EQ(others.missing.size(), 2u);
}

TEST_F(ConsistencyScore, DamagedImagesCountAsFailures) {
  for (std::size_t i = 0; i < rows.size(); ++i) give(i);
  const double before = score().scores.all.accuracy;
  std::ofstream(generated / (rows[5].id + ".png")) << "no image";
  const Consistency consistency = score();
  EXPECT_EQ(consistency.scores.all.n, 40);
  EXPECT_NEAR(consistency.scores.all.accuracy, before - 1 / 40.0, 1e-9);
  ASSERT_EQ(consistency.damaged.size(), 1u);
  EXPECT_NE(consistency.damaged[0].find(rows[5].id + ".png"), std::string::npos);
}

TEST_F(ConsistencyScore, DoesNotDependOnThreads) {
  for (std::size_t i = 0; i < rows.size(); ++i) give(i, i % 3 == 0);
  ConsistencyOptions one, four;
  one.threads = 1;
  four.threads = 4;
  EXPECT_EQ(to_json(score(one)), to_json(score(four)));
}

TEST_F(ConsistencyScore, JsonHasTheKeysThatScriptsRead) {
  give(0);
  ConsistencyOptions present;
  present.present_only = true;
  const nlohmann::ordered_json json = to_json(score(present));
  EXPECT_EQ(json["n"], 1);
  EXPECT_EQ(json["ci"].size(), 2u);
  for (const char* key : {"accuracy", "n", "ci"}) {
    EXPECT_TRUE(json["seen"].contains(key));
    EXPECT_TRUE(json["unseen"].contains(key));
    for (const auto& family : json["families"]) EXPECT_TRUE(family.contains(key));
  }
  const bool seen = rows[0].object.at("seen").get<bool>();
  EXPECT_TRUE(json[seen ? "unseen" : "seen"]["accuracy"].is_null());  // a group without rows has no accuracy
  EXPECT_NE(to_table(score()).find("unseen combinations"), std::string::npos);
}

TEST_F(ConsistencyScore, SaysWhatItLacks) {
  EXPECT_NE(message().find("none of the 40 images is there"), std::string::npos);
  ConsistencyOptions options;
  options.split = "train";
  EXPECT_THROW(score(options), Error);
  EXPECT_THROW(score_consistency(folder / "nowhere", folder / "data"), Error);
}

TEST_F(ConsistencyScore, RefusesRowsWithoutAProgram) {
  const fs::path other = folder / "other";
  fs::create_directory(other);
  std::vector<Row> bare{rows[0]};
  bare[0].object = {};
  write_metadata(other, bare);
  give(0);
  try {
    score_consistency(generated, other);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("metadata.jsonl:1: no program"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace cigli
