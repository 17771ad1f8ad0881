#include "eval/comparison.h"

#include <gtest/gtest.h>

#include <cmath>

#include "runtime/error.h"
#include "runtime/files.h"
#include "tests/temporary_folder.h"

namespace cigli {
namespace {

std::string line(const std::string& id, bool holds, bool seen = true) {
  return nlohmann::ordered_json{{"id", id}, {"family", "add"}, {"holds", holds}, {"seen", seen}, {"reason", ""}}
             .dump() +
         "\n";
}

struct ComparisonTest : testing::Test {
  TemporaryFolder folder;
  std::filesystem::path file(const std::string& name, const std::string& text) const {
    write_file(folder / name, text);
    return folder / name;
  }
};

TEST_F(ComparisonTest, ARowsScoreIsItsMeanOverTrainings) {
  const auto rows = read_row_scores(
      {file("a", line("x", true) + line("y", false)), file("b", line("y", false) + line("x", false, true))});
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].id, "x");
  EXPECT_EQ(rows[0].value, 0.5);
  EXPECT_EQ(rows[1].value, 0);
  EXPECT_EQ(group_scores(rows).all.accuracy, 0.25);
  EXPECT_EQ(group_scores(rows).seen.n, 2);
  EXPECT_EQ(group_scores(rows).seen_paraphrase.n, 0);
}

TEST_F(ComparisonTest, DifferencesArePaired) {
  std::string a, b;
  for (int i = 0; i < 200; ++i) {
    a += line("r" + std::to_string(i), i % 2 == 0, i < 100);
    b += line("r" + std::to_string(i), i % 2 == 0 && i % 20 != 0, i < 100);
  }
  const auto left = read_row_scores({file("a", a)}), right = read_row_scores({file("b", b)});
  const GroupedScores difference = paired_difference(left, right);
  EXPECT_NEAR(difference.all.accuracy, 0.05, 1e-12);
  EXPECT_NEAR(difference.seen.accuracy, 0.05, 1e-12);
  EXPECT_EQ(difference.unseen.n, 100);
  // Unpaired, two shares near a half of 200 rows would differ by 0.05 within an interval of about +-0.1.
  EXPECT_GT(difference.all.interval.low, 0.01);
  EXPECT_LT(difference.all.interval.high, 0.1);
}

TEST_F(ComparisonTest, EqualRowsLeaveRoomForADifferenceEitherWay) {
  const auto rows = read_row_scores({file("a", line("x", true) + line("y", false))});
  const Score none = paired_difference(rows, rows).all;
  EXPECT_EQ(none.accuracy, 0);
  EXPECT_NEAR(none.interval.high, 1 - std::sqrt(0.025), 1e-12);
  EXPECT_EQ(none.interval.low, -none.interval.high);
}

TEST_F(ComparisonTest, AnIntervalHoldsItsValueWhereAllRowsAgree) {
  const auto good = file("good", line("x", true) + line("y", true)),
             bad = file("bad", line("x", false) + line("y", false));
  const Score half = group_scores(read_row_scores({good, bad})).all;
  EXPECT_EQ(half.accuracy, 0.5);
  EXPECT_LE(half.interval.low, 0.5);
  EXPECT_GE(half.interval.high, 0.5);
  const Score better = paired_difference(read_row_scores({good}), read_row_scores({bad})).all;
  EXPECT_EQ(better.accuracy, 1);
  EXPECT_NEAR(better.interval.low, std::sqrt(0.025), 1e-12);
  EXPECT_EQ(better.interval.high, 1);
  const Score worse = paired_difference(read_row_scores({bad}), read_row_scores({good})).all;
  EXPECT_EQ(worse.interval.high, -better.interval.low);
  EXPECT_EQ(worse.interval.low, -1);
}

TEST_F(ComparisonTest, ClustersAreThoseThatTheRowsName) {
  const auto write = [&](const std::string& name, int copies, bool clustered) {
    std::string lines;
    for (int i = 0; i < 40; ++i)
      for (int copy = 0; copy < copies; ++copy) {
        nlohmann::ordered_json row{{"id", std::to_string(100 + i) + "-" + std::to_string(copy)},
                                   {"family", "add"},
                                   {"holds", i % 3 == 0},
                                   {"reason", ""}};
        if (clustered) row["cluster"] = std::to_string(100 + i);
        lines += row.dump() + "\n";
      }
    return read_row_scores({file(name, lines)});
  };
  const auto once = write("once", 1, false), twice = write("twice", 2, true), as_rows = write("rows", 2, false);
  const Score expected = group_scores(once).all, found = group_scores(twice).all, narrow = group_scores(as_rows).all;
  EXPECT_EQ(expected.clusters, 40);
  EXPECT_EQ(found.clusters, 40);
  EXPECT_EQ(found.n, 80);
  EXPECT_EQ(found.interval.low, expected.interval.low);
  EXPECT_EQ(found.interval.high, expected.interval.high);
  EXPECT_LT(narrow.interval.high - narrow.interval.low, found.interval.high - found.interval.low);
  EXPECT_EQ(to_json(found)["clusters"], 40);
  EXPECT_FALSE(to_json(expected).contains("clusters"));
  const Score none = paired_difference(twice, twice).all;
  EXPECT_EQ(none.clusters, 40);
  EXPECT_NEAR(none.interval.high, 1 - std::pow(0.025, 1 / 40.0), 1e-12);
}

TEST_F(ComparisonTest, RefusesOtherRowsAndBadLines) {
  const auto a = file("a", line("x", true) + line("y", false)), b = file("b", line("x", true));
  EXPECT_THROW(read_row_scores({a, b}), Error);
  EXPECT_THROW(paired_difference(read_row_scores({a}), read_row_scores({b})), Error);
  const auto unseen = file("unseen", line("x", true, false) + line("y", false));
  EXPECT_NE(error_of([&] { read_row_scores({a, unseen}); }).find("its row \"x\" is another one"), std::string::npos);
  EXPECT_THROW(paired_difference(read_row_scores({a}), read_row_scores({unseen})), Error);
  EXPECT_THROW(read_row_scores({file("c", line("x", true) + line("x", false))}), Error);
  EXPECT_THROW(read_row_scores({file("d", "")}), Error);
  EXPECT_NE(error_of([&] { read_row_scores({file("e", line("x", true) + "{\"id\": 3}\n")}); }).find("e:2: "),
            std::string::npos);
}

}  // namespace
}  // namespace cigli
