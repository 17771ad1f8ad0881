#include "eval/roc.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace cigli
