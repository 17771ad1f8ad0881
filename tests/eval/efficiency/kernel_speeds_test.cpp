#include "eval/efficiency/kernel_speeds.h"

#include <gtest/gtest.h>

#include <set>

namespace cigli {
namespace {

TEST(KernelSpeedsTimingSlow, EveryKernelMovesItsBytesAtARateThatCanBe) {
  const KernelSpeeds speeds = measure_kernels(c10::kCPU, 0.1);
  EXPECT_GT(speeds.copy, 1e9);
  std::set<std::string> names;
  for (const KernelSpeed& speed : speeds.kernels) {
    SCOPED_TRACE(speed.kernel + " " + speed.type);
    EXPECT_TRUE(names.insert(speed.kernel + speed.type).second);
    EXPECT_GT(speed.bytes, 1e8);
    EXPECT_GT(speed.rate(), speeds.copy / 20);
    EXPECT_LT(speed.rate(), speeds.copy * 2);
  }
  EXPECT_EQ(names.size(), 10u);
}

TEST(KernelSpeeds, AreSaidInShareOfACopy) {
  const KernelSpeeds speeds{10e9, {{"one", "float32", 4e9, 0.5}}};
  EXPECT_EQ(to_json(speeds)["kernels"][0]["of_copy"], 0.8);
  EXPECT_NE(to_text(speeds).find("one                             float32       8.0   80 %"), std::string::npos)
      << to_text(speeds);
}

}  // namespace
}  // namespace cigli
