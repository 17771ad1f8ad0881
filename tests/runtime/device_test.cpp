#include "runtime/device.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <cstring>
#include <memory>

#include "runtime/error.h"

namespace cigli {
namespace {

TEST(Device, ThreadsFollowTheRequest) {
  set_threads(1);
  EXPECT_EQ(at::get_num_threads(), 1);
  set_threads(0);
  EXPECT_EQ(at::get_num_threads(), usable_cores());
  EXPECT_THROW(set_threads(-1), Error);
}

TEST(Device, UsableCoresFollowTheAffinity) {
  cpu_set_t before, one;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  EXPECT_GE(usable_cores(), 1);
  EXPECT_LE(usable_cores(), CPU_COUNT(&before));
  CPU_ZERO(&one);
  for (int core = 0; core < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++core) {
    if (CPU_ISSET(core, &before)) CPU_SET(core, &one);
  }
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  EXPECT_EQ(usable_cores(), 1);
  ASSERT_EQ(sched_setaffinity(0, sizeof before, &before), 0);
}

TEST(Device, DescribesTheRuntimeInOneLine) {
  const std::string text = runtime_description();
  EXPECT_EQ(text.rfind("LibTorch ", 0), 0U) << text;
  EXPECT_EQ(text.find('\n'), std::string::npos) << text;
}

TEST(Device, PeakMemoryGrowsWithUse) {
  const std::uint64_t before = peak_memory_bytes();
  const std::size_t size = before + (64 << 20);
  const std::unique_ptr<char[]> block(new char[size]);
  std::memset(block.get(), 1, size);
  EXPECT_GE(peak_memory_bytes(), size);
}

}  // namespace
}  // namespace cigli
