#include "runtime/interrupt.h"

#include <gtest/gtest.h>

#include <csignal>

namespace cigli {
namespace {

TEST(Interrupt, SignalsSetTheFlag) {
  for (const int number : {SIGINT, SIGTERM}) {
    const InterruptGuard guard;
    EXPECT_FALSE(InterruptGuard::requested());
    std::raise(number);
    EXPECT_TRUE(InterruptGuard::requested());
  }
}

int handled = 0;

TEST(Interrupt, PreviousHandlersComeBack) {
  const auto before = std::signal(SIGINT, [](int) { ++handled; });
  {
    const InterruptGuard guard;
    std::raise(SIGINT);
    EXPECT_EQ(handled, 0);
  }
  std::raise(SIGINT);
  EXPECT_EQ(handled, 1);
  std::signal(SIGINT, before);
}

TEST(InterruptDeathTest, SecondSignalEndsTheProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        const InterruptGuard guard;
        std::raise(SIGINT);
        std::raise(SIGTERM);
      },
      testing::KilledBySignal(SIGTERM), "");
}

}  // namespace
}  // namespace cigli
