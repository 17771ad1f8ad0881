#include "training/sample_grid.h"

#include <gtest/gtest.h>

namespace cigli {
namespace {

TEST(SampleGrid, ShowsPromptGeneratedAndTargetSideBySide) {
  const std::vector<GridRow> rows{{"a sentence", Image(32, 32, 10), Image(48, 48, 20), Image(48, 48, 30)},
                                  {std::string(40, 'w') + " and so on and so on, far longer than one line can be",
                                   Image(32, 32, 40), Image(48, 48, 50), Image(48, 48, 60)}};
  const Image one = draw_grid({rows[0]}), both = draw_grid(rows);
  // 96 pixels each with 8 between and around.
  EXPECT_EQ(one.width, 3 * 96 + 4 * 8);
  EXPECT_EQ(one.at(8, 8)[0], 10);
  EXPECT_EQ(one.at(8 + 95, 8 + 95)[0], 10);
  EXPECT_EQ(one.at(8 + 96 + 8, 8)[0], 20);
  EXPECT_EQ(one.at(8 + 2 * (96 + 8), 8)[0], 30);
  EXPECT_EQ(one.at(8 + 96 + 4, 8)[0], 255);
  EXPECT_EQ(both.at(8, one.height + 8)[0], 40);
  EXPECT_GT(both.height, 2 * one.height);  // the long sentence takes more lines
  int ink = 0;
  for (std::int64_t y = 8 + 96; y < one.height; ++y)
    for (std::int64_t x = 0; x < one.width; ++x) ink += one.at(x, y)[0] < 100;
  EXPECT_GT(ink, 50);
}

}  // namespace
}  // namespace cigli
