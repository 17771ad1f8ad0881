#include "runtime/device_choice.h"

#include <gtest/gtest.h>

#include "runtime/error.h"

namespace cigli {
namespace {

std::string refusal(const std::string& name, const Gpus& gpus) {
  try {
    choose_device(name, gpus);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(DeviceChoice, AutoTakesTheFirstGpuThatCanBeUsedElseTheCpu) {
  EXPECT_EQ(choose_device("auto", {{90, 90}, ""}), c10::Device(c10::kCUDA, 0));
  EXPECT_EQ(choose_device("auto", {{75, 86}, ""}), c10::Device(c10::kCUDA, 1));
  EXPECT_EQ(choose_device("auto", {{75}, ""}), c10::Device(c10::kCPU));
  EXPECT_EQ(choose_device("auto", {{}, ""}), c10::Device(c10::kCPU));
  EXPECT_EQ(choose_device("auto", {{}, "there is no NVIDIA driver"}), c10::Device(c10::kCPU));
}

TEST(DeviceChoice, NamesMeanTheirDevice) {
  EXPECT_EQ(choose_device("cpu", {{90}, ""}), c10::Device(c10::kCPU));
  EXPECT_EQ(choose_device("cuda", {{90, 80}, ""}), c10::Device(c10::kCUDA, 0));
  EXPECT_EQ(choose_device("cuda:1", {{90, 80}, ""}), c10::Device(c10::kCUDA, 1));
}

TEST(DeviceChoice, ErrorsSayWhatIsMissing) {
  EXPECT_EQ(refusal("cuda:7", {{90}, ""}), "device is cuda:7, but there is one GPU, cuda:0");
  EXPECT_EQ(refusal("cuda:2", {{90, 90}, ""}), "device is cuda:2, but there are 2 GPUs, cuda:0 to cuda:1");
  EXPECT_EQ(refusal("cuda", {{}, ""}), "device is cuda, but there is no NVIDIA GPU");
  EXPECT_EQ(refusal("cuda", {{}, "there is no NVIDIA driver"}), "device is cuda, but there is no NVIDIA driver");
  EXPECT_EQ(refusal("cuda", {{75}, ""}),
            "device is cuda, but that GPU has compute capability 7.5, expected 8.0 (Ampere) or newer");
}

TEST(DeviceChoice, OtherNamesAreRefused) {
  for (const char* name : {"", "gpu", "cuda:", "cuda:-1", "cuda:x", "cuda:0x1", "cuda:99999999999", "CUDA"})
    EXPECT_EQ(refusal(name, {{90}, ""}), "device is '" + std::string(name) + "', expected auto, cpu, cuda or cuda:N");
}

}  // namespace
}  // namespace cigli
