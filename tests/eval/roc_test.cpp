#include "eval/roc.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/temporary_folder.h"

namespace cigli {
namespace {

TEST(AreaUnderRoc, CountsPairsInOrderAndTiesByHalf) {
  EXPECT_EQ(area_under_roc({3, 4}, {1, 2}).accuracy, 1);
  EXPECT_EQ(area_under_roc({1, 2}, {3, 4}).accuracy, 0);
  EXPECT_EQ(area_under_roc({2, 3}, {1, 2}).accuracy, 3.5 / 4);
  EXPECT_EQ(area_under_roc({1}, {1, 1, 1}).accuracy, 0.5);
  EXPECT_EQ(area_under_roc({1, 2}, {3, 4, 5}).n, 5);
  EXPECT_NE(error_of([] { area_under_roc({}, {1}); }).find("0 positives"), std::string::npos);
}

// With the area 0.893 of 51 positives and 58 negatives, the example of Hanley & McNeil 1982 (table II), eq. 1 and 2
// give a standard error of 0.0325.
TEST(AreaUnderRoc, HasTheIntervalOfItsPaper) {
  std::vector<double> positives(45, 100), negatives;
  for (int i = 0; i < 58; ++i) negatives.push_back(i);
  positives.push_back(30.5);                 // above 31 negatives
  positives.insert(positives.end(), 5, -1);  // below all
  const Score score = area_under_roc(positives, negatives);
  EXPECT_NEAR(score.accuracy, 0.893, 0.0005);
  EXPECT_NEAR((score.interval.high - score.interval.low) / 2 / 1.96, 0.0325, 0.0001);
}

// Placements are 1, 1/2, 1 of the positives and 2/3, 1 of the negatives; twice as many rows tell nothing more.
TEST(AreaUnderRoc, HasObuchowskisIntervalWhereRowsComeInClusters) {
  const std::vector<double> positives{3, 3, 1, 1, 4, 4}, negatives{2, 2, 0, 0};
  const Clusters of_positives{"a", "a", "b", "b", "c", "c"};
  const Score apart = area_under_roc(positives, negatives, of_positives, {"d", "d", "e", "e"});
  EXPECT_NEAR(apart.accuracy, 5 / 6.0, 1e-12);
  EXPECT_EQ(apart.n, 10);
  EXPECT_EQ(apart.clusters, 5);
  EXPECT_NEAR(apart.interval.low, 5 / 6.0 - 1.959964 * std::sqrt(1 / 18.0), 1e-12);
  const Score mixed = area_under_roc(positives, negatives, of_positives, {"a", "a", "b", "b"});
  EXPECT_EQ(mixed.clusters, 3);
  EXPECT_NEAR(mixed.interval.low, 5 / 6.0 - 1.959964 * std::sqrt(1 / 72.0), 1e-12);
  const Score nothing_known = area_under_roc({3, 1}, {2, 0}, {"a", "a"}, {"b", "c"});
  EXPECT_EQ(nothing_known.interval.low, 0);
  EXPECT_EQ(nothing_known.interval.high, 1);
  // Rows that all stand alone.
  const Score alone = area_under_roc({3, 1, 4}, {2, 0}, {"a", "b", "c"}, {"d", "e"}),
              plain = area_under_roc({3, 1, 4}, {2, 0});
  EXPECT_EQ(alone.interval.low, plain.interval.low);
  EXPECT_EQ(alone.interval.high, plain.interval.high);
  EXPECT_EQ(plain.clusters, 5);
}

}  // namespace
}  // namespace cigli
