#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "runtime/files.h"
#include "runtime/npy.h"

namespace cigli {

// Values that reference implementations gave; its tests are skipped where the folder is not there.
class MetricReference : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(folder_)) GTEST_SKIP() << folder_.string() << " is not there";
  }
  torch::Tensor array(const std::string& name) const { return read_npy(folder_ / (name + ".npy")); }
  nlohmann::json expected(const std::string& name) const {
    return nlohmann::json::parse(read_file(folder_ / name / "expected.json"));
  }
  const std::filesystem::path folder_ = std::filesystem::path(CIGLI_TEST_DATA) / "oracles/metrics";
};

}  // namespace cigli
