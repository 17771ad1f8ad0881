#include "eval/student_t.h"

#include <gtest/gtest.h>

namespace cigli {
namespace {

TEST(StudentT, QuantilesAreThoseOfTables) {
  EXPECT_NEAR(student_t_quantile(0.975, 1), 12.7062047364, 1e-6);
  EXPECT_NEAR(student_t_quantile(0.975, 2), 4.30265273, 1e-7);
  EXPECT_NEAR(student_t_quantile(0.975, 9), 2.2621571628, 1e-8);
  EXPECT_NEAR(student_t_quantile(0.995, 10), 3.16927267, 1e-7);
  EXPECT_NEAR(student_t_quantile(0.025, 17.5), -2.1053, 1e-4);
  EXPECT_NEAR(student_t_quantile(0.95, 30), 1.6972608944, 1e-8);
  EXPECT_NEAR(student_t_quantile(0.975, 1e6), 1.959966, 1e-6);
  EXPECT_NEAR(student_t_quantile(0.5, 4), 0, 1e-12);
}

TEST(StudentT, TailsHaveTheirShare) {
  EXPECT_NEAR(student_t_tails(1, 1), 0.5, 1e-12);
  EXPECT_NEAR(student_t_tails(0, 7), 1, 1e-12);
}

}  // namespace
}  // namespace cigli
