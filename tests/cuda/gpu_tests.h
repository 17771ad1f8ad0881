#pragma once

#include <cstdio>
#include <exception>
#include <functional>
#include <string>
#include <vector>

namespace cigli {

struct GpuTest {
  std::string name;
  std::function<void()> run;  // throws where it fails
};

// Runs the tests where there is a GPU, and else names them as skipped; what the program returns.
inline int run_tests(const std::vector<GpuTest>& tests, bool gpu) {
  int failed = 0;
  for (const GpuTest& test : tests) {
    if (!gpu) {
      std::printf("skipped  %s: no GPU\n", test.name.c_str());
      continue;
    }
    try {
      test.run();
      std::printf("ok       %s\n", test.name.c_str());
    } catch (const std::exception& error) {
      std::printf("FAILED   %s: %s\n", test.name.c_str(), error.what());
      ++failed;
    }
  }
  std::printf("%zu tests: %s\n", tests.size(), !gpu ? "all skipped" : failed ? "some failed" : "all passed");
  return failed ? 1 : 0;
}

}  // namespace cigli
