#include "dataset/check.h"

#include <gtest/gtest.h>

#include "dataset/metadata.h"
#include "runtime/error.h"
#include "samples.h"

namespace cigli {
namespace {

class Check : public testing::Test {
 protected:
  // A row whose images are `prompt` and `target`, variants of one picture.
  void add(const std::string& id, const std::string& split, int prompt, int target) {
    Row row;
    row.id = id;
    row.text = "a sentence";
    row.prompt_file_name = "p" + std::to_string(rows_.size()) + ".png";
    row.target_file_name = "t" + std::to_string(rows_.size()) + ".png";
    row.split = split;
    write_bytes(folder_ / row.prompt_file_name, encode_png(sample_image(12, 8, prompt)));
    write_bytes(folder_ / row.target_file_name, encode_png(sample_image(8, 8, target)));
    rows_.push_back(row);
  }
  CheckReport check() {
    write_metadata(folder_.path(), rows_);
    return check_dataset(folder_.path());
  }
  TemporaryFolder folder_;
  std::vector<Row> rows_;
};

void expect_finding(const CheckReport& report, bool error, std::int64_t line, const std::string& part) {
  for (const Finding& finding : report.findings)
    if (finding.error == error && finding.line == line && finding.message.find(part) != std::string::npos) {
      EXPECT_NE(finding.suggestion, "");
      return;
    }
  ADD_FAILURE() << "nothing on line " << line << " about " << part << ": " << to_json(report).dump(1);
}

TEST_F(Check, GoodDatasetHasNoFindings) {
  add("a", "train", 0, 1);
  add("b", "train", 0, 2);
  add("c", "val", 3, 4);
  const CheckReport report = check();
  EXPECT_TRUE(report.trainable);
  EXPECT_TRUE(report.findings.empty()) << to_json(report).dump(1);
  EXPECT_EQ(report.rows, 3);
  EXPECT_EQ(report.splits, (std::map<std::string, std::int64_t>{{"train", 2}, {"val", 1}}));
}

TEST_F(Check, MissingAndDamagedImagesAreErrors) {
  add("a", "train", 0, 1);
  add("b", "train", 0, 1);
  add("c", "train", 0, 1);
  std::filesystem::remove(folder_ / "p1.png");
  write_bytes(folder_ / "t2.png", encode_png(sample_image(8, 8)).substr(0, 70));
  const CheckReport report = check();
  EXPECT_FALSE(report.trainable);
  EXPECT_EQ(report.errors(), 2);
  expect_finding(report, true, 2, "p1.png");
  expect_finding(report, true, 3, "truncated");
}

TEST_F(Check, FaultyRowsAreErrorsInLineOrder) {
  add("a", "", 0, 1);
  check();
  std::ofstream(folder_ / "metadata.jsonl", std::ios::app)
      << "{broken\n"
      << R"({"id":"a","text":"x","prompt_file_name":"p0.png","target_file_name":"t0.png"})"
      << "\n"
      << R"({"id":"b","text":"x","prompt_file_name":"../p0.png","target_file_name":"t0.png"})"
      << "\n"
      << R"({"id":"c","text":" ","prompt_file_name":"p0.png","target_file_name":"t0.png"})"
      << "\n"
      << "{\"id\":\"d\",\"text\":\"\xff\"}\n";
  const CheckReport report = check_dataset(folder_.path());
  EXPECT_FALSE(report.trainable);
  EXPECT_EQ(report.errors(), 5);
  expect_finding(report, true, 2, "malformed JSON");
  expect_finding(report, true, 3, "duplicate id");
  expect_finding(report, true, 4, "prompt_file_name");
  expect_finding(report, true, 5, "empty \"text\"");
  expect_finding(report, true, 6, "UTF-8");
  for (std::size_t i = 1; i < report.findings.size(); ++i)
    EXPECT_LE(report.findings[i - 1].line, report.findings[i].line);
}

TEST_F(Check, WarnsOfIdsSplitsAndLeaks) {
  add("a/b", "train", 0, 1);
  add("c", "tarin", 2, 3);
  add("d", "val", 4, 1);
  add("e", "val", 4, 5);
  const CheckReport report = check();
  EXPECT_TRUE(report.trainable);
  EXPECT_EQ(report.errors(), 0);
  EXPECT_EQ(report.findings.size(), 3U) << to_json(report).dump(1);
  expect_finding(report, false, 1, "can't be a file name");
  expect_finding(report, false, 2, "unusual split");
  expect_finding(report, false, 3, "also on line 1, in split \"train\"");
}

TEST_F(Check, NothingToTrainOnIsAnError) {
  add("a", "val", 0, 1);
  EXPECT_FALSE(check().trainable);
  expect_finding(check(), true, 0, "no rows to train on");
  rows_.clear();
  EXPECT_FALSE(check().trainable);
  std::filesystem::remove(folder_ / "metadata.jsonl");
  EXPECT_THROW(check_dataset(folder_.path()), Error);
}

TEST_F(Check, ReportIsJson) {
  add("a", "train", 0, 1);
  std::filesystem::remove(folder_ / "p0.png");
  const auto json = to_json(check());
  EXPECT_EQ(json["trainable"], false);
  EXPECT_EQ(json["errors"], 1);
  EXPECT_EQ(json["warnings"], 0);
  EXPECT_EQ(json["findings"][0]["level"], "error");
  EXPECT_EQ(json["findings"][0]["line"], 1);
  EXPECT_EQ(json["findings"][0]["id"], "a");
}

TEST(FileNames, OfIds) {
  using Ids = std::vector<std::string>;
  for (const std::string& id : Ids{"a", "dev-12-0-3", "ü.1", std::string(200, 'x')}) EXPECT_TRUE(can_be_file_name(id));
  for (const std::string& id : Ids{"", "a/b", "a\\b", "..", ".a", "a\nb", std::string(201, 'x')})
    EXPECT_FALSE(can_be_file_name(id)) << id;
}

}  // namespace
}  // namespace cigli
