#include "training/data_order.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "runtime/error.h"

namespace cigli {
namespace {

const std::vector<std::int64_t> rows{3, 5, 8, 13, 21, 34, 55};

TEST(DataOrder, EveryEpochIsAnotherPermutation) {
  DataOrder order(rows, 1);
  std::vector<std::vector<std::int64_t>> epochs;
  for (std::int64_t epoch = 0; epoch < 5; ++epoch) {
    epochs.push_back(order.batch(epoch * 7, 7));
    std::vector<std::int64_t> sorted = epochs.back();
    std::sort(sorted.begin(), sorted.end());
    EXPECT_EQ(sorted, rows);
  }
  EXPECT_NE(epochs[0], epochs[1]);
  EXPECT_NE(epochs[0], DataOrder(rows, 2).batch(0, 7));
}

TEST(DataOrder, BatchesRunAcrossEpochsAndFromAnywhere) {
  DataOrder order(rows, 9);
  std::vector<std::int64_t> one_by_one;
  for (std::int64_t i = 0; i < 24; ++i) one_by_one.push_back(order.at(i));
  DataOrder resumed(rows, 9);
  const std::vector<std::int64_t> batch = resumed.batch(5, 16);
  EXPECT_TRUE(std::equal(batch.begin(), batch.end(), one_by_one.begin() + 5));
}

TEST(DataOrder, EveryPlaceOfTheEpochIsReachedByEveryRow) {
  DataOrder order(rows, 4);
  std::int64_t first[56] = {};
  for (std::int64_t epoch = 0; epoch < 7000; ++epoch) ++first[order.at(epoch * 7)];
  for (const std::int64_t row : rows) EXPECT_NEAR(static_cast<double>(first[row]), 1000, 150);
}

TEST(DataOrder, RefusesNoRows) { EXPECT_THROW(DataOrder({}, 1), Error); }

}  // namespace
}  // namespace cigli
