#include <gtest/gtest.h>

#include "runtime/device.h"

int main(int argc, char** argv) {
  cigli::prepare_process();
  testing::InitGoogleTest(&argc, argv);
  cigli::set_threads(0);
  return RUN_ALL_TESTS();
}
