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
    row.text = "the right picture shows it in green, variant " + std::to_string(rows_.size());
    row.prompt_file_name = "p" + std::to_string(rows_.size()) + ".png";
    row.target_file_name = "t" + std::to_string(rows_.size()) + ".png";
    row.split = split;
    write_bytes(folder_ / row.prompt_file_name, encode_png(sample_image(24, 16, prompt)));
    write_bytes(folder_ / row.target_file_name, encode_png(sample_image(16, 16, target)));
    rows_.push_back(row);
  }
  CheckReport check() {
    write_metadata(folder_.path(), rows_);
    return check_dataset(folder_.path());
  }
  TemporaryFolder folder_;
  std::vector<Row> rows_;
};

void expect_finding(const CheckReport& report, Level level, std::int64_t line, const std::string& part) {
  for (const Finding& finding : report.findings)
    if (finding.level == level && finding.line == line && finding.message.find(part) != std::string::npos) {
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
  EXPECT_TRUE(report.passes());
  EXPECT_TRUE(report.findings.empty()) << to_json(report).dump(1);
  EXPECT_EQ(report.rows, 3);
  EXPECT_EQ(report.splits, (std::map<std::string, std::int64_t>{{"train", 2}, {"val", 1}}));
}

TEST_F(Check, MissingAndDamagedImagesAreErrors) {
  add("a", "train", 0, 1);
  add("b", "train", 0, 1);
  add("c", "train", 0, 1);
  std::filesystem::remove(folder_ / "p1.png");
  write_bytes(folder_ / "t2.png", encode_png(sample_image(16, 16)).substr(0, 70));
  const CheckReport report = check();
  EXPECT_FALSE(report.passes());
  EXPECT_EQ(report.count(Level::error), 2);
  expect_finding(report, Level::error, 2, "p1.png");
  expect_finding(report, Level::error, 3, "truncated");
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
  EXPECT_FALSE(report.passes());
  EXPECT_EQ(report.count(Level::error), 5);
  expect_finding(report, Level::error, 2, "malformed JSON");
  expect_finding(report, Level::error, 3, "duplicate id");
  expect_finding(report, Level::error, 4, "prompt_file_name");
  expect_finding(report, Level::error, 5, "empty \"text\"");
  expect_finding(report, Level::error, 6, "UTF-8");
  for (std::size_t i = 1; i < report.findings.size(); ++i)
    EXPECT_LE(report.findings[i - 1].line, report.findings[i].line);
}

TEST_F(Check, WarnsOfIdsAndSplits) {
  add("a/b", "train", 0, 1);
  add("c", "tarin", 2, 3);
  const CheckReport report = check();
  EXPECT_TRUE(report.passes());
  EXPECT_EQ(report.findings.size(), 2U) << to_json(report).dump(1);
  expect_finding(report, Level::warning, 1, "can't be a file name");
  expect_finding(report, Level::warning, 2, "unusual split");
}

TEST_F(Check, WarnsOnceOfASplitThatTrainingDoesNotKnow) {
  add("a", "train", 0, 1);
  add("b", "validation", 2, 1);
  add("c", "validation", 3, 4);
  const CheckReport report = check();
  expect_finding(report, Level::warning, 0, "2 rows of split \"validation\"");
  expect_finding(report, Level::leak, 1, "its target is also on line 2, in split \"validation\"");
  EXPECT_EQ(report.findings.size(), 2U) << to_json(report).dump(1);
}

TEST_F(Check, PicturesInTwoSplitsAreLeaksUnlessAllowed) {
  add("a", "train", 0, 1);
  add("b", "train", 2, 3);
  add("c", "val", 4, 1);
  write_bytes(folder_ / "p1.png", encode_png(sample_image(24, 16, 4)));
  rows_[1].text = "right";  // a warning doesn't hide a leak
  const CheckReport report = check();
  EXPECT_FALSE(report.passes());
  EXPECT_EQ(report.count(Level::error), 0);
  EXPECT_EQ(report.count(Level::leak), 2);
  expect_finding(report, Level::leak, 1, "its target is also on line 3, in split \"val\"");
  expect_finding(report, Level::leak, 2, "its prompt is also on line 3, in split \"val\"");
  expect_finding(report, Level::warning, 2, "word");
  CheckOptions options;
  options.allow = {"leak"};
  const CheckReport allowed = check_dataset(folder_.path(), options);
  EXPECT_TRUE(allowed.passes()) << to_json(allowed).dump(1);
}

TEST_F(Check, WarnsOfWhatIsHardlyWorthTraining) {
  add("a", "train", 0, 1);
  add("b", "train", 2, 2);
  add("c", "train", 0, 1);
  add("d", "train", 3, 4);
  write_bytes(folder_ / "t1.png", encode_png(sample_image(24, 16, 2)));
  rows_[2].text = rows_[0].text;
  write_bytes(folder_ / "p3.png", encode_png(Image(8, 64, 7)));
  write_bytes(folder_ / "t3.png", encode_png(Image(16, 16, 7)));
  const CheckReport report = check();
  EXPECT_TRUE(report.passes());
  expect_finding(report, Level::warning, 2, "the same picture");
  expect_finding(report, Level::warning, 3, "as on line 1");
  expect_finding(report, Level::warning, 4, "8x64 pixels");
  expect_finding(report, Level::warning, 4, "nothing in it but one colour");
  EXPECT_EQ(report.findings.size(), 4U) << to_json(report).dump(1);
}

TEST_F(Check, EveryFaultOfARowIsFound) {
  add("a", "train", 0, 1);
  std::filesystem::remove(folder_ / "p0.png");
  std::filesystem::remove(folder_ / "t0.png");
  const CheckReport report = check();
  EXPECT_EQ(report.count(Level::error), 2);
  expect_finding(report, Level::error, 1, "p0.png");
  expect_finding(report, Level::error, 1, "t0.png");
}

TEST_F(Check, NothingToTrainOnIsAnError) {
  add("a", "val", 0, 1);
  EXPECT_FALSE(check().passes());
  expect_finding(check(), Level::error, 0, "no rows to train on");
  rows_.clear();
  EXPECT_FALSE(check().passes());
  std::filesystem::remove(folder_ / "metadata.jsonl");
  EXPECT_THROW(check_dataset(folder_.path()), Error);
}

TEST_F(Check, ReportIsJson) {
  add("a", "train", 0, 1);
  std::filesystem::remove(folder_ / "p0.png");
  const auto json = to_json(check());
  EXPECT_EQ(json["passes"], false);
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
