#include "runtime/progress.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace cigli {
namespace {

// The tests' stderr is a file while it is captured, so these see the plain lines.
TEST(Progress, PlainLinesAreFew) {
  testing::internal::CaptureStderr();
  {
    Progress progress("pack", 200);
    for (int i = 1; i <= 200; ++i) progress.update(i, "loss 0.5");
    progress.finish("done");
  }
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2) << text;
  EXPECT_EQ(text.rfind("pack 0% 1/200 · loss 0.5\npack 100% 200/200 · done · ", 0), 0U) << text;
  EXPECT_EQ(text.find('\r'), std::string::npos);
}

TEST(Progress, UnknownTotalsAndUnfinishedOnesAreFine) {
  testing::internal::CaptureStderr();
  { Progress progress("read", 0); }
  { Progress("read", 0).finish(); }
  {
    Progress progress("read", 0, 0);
    progress.update(3);
    progress.update(4);
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "read 3\nread 4\n");
}

TEST(Progress, TimeLeftCountsFromTheFirstUpdate) {
  testing::internal::CaptureStderr();
  Progress progress("train", 1002, 0);
  progress.update(1000);
  progress.update(1001);
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_NE(text.find("train 99% 1001/1002 · 0.0 s left"), std::string::npos) << text;
}

}  // namespace
}  // namespace cigli
