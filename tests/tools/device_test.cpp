#include <gtest/gtest.h>

#include "tests/tools/command.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;

// Every command that computes with a network, whole but for its device.
std::vector<std::vector<std::string>> commands(const fs::path& folder) {
  const std::string data = fixture().data, model = fixture().model, out = folder / "out", copies = folder / "copies";
  cigli({"control", "--kind", "copy", "--data", data, "--out", copies});
  return {{"train", "--data", fixture().pack, "--out", out, "--steps", "1"},
          {"distill", "--teacher", model, "--data", fixture().pack, "--out", out, "--updates", "1"},
          {"generate", "--model", model, "--requests", fixture().data / "metadata.jsonl", "--out", out},
          {"serve", "--model", model},
          {"evaluate", "--generated", copies, "--data", data},
          {"evaluate", "reference", "--data", data, "--out", out + ".npz"},
          {"evaluate", "scorer", "--data", fixture().pack, "--out", out + ".safetensors", "--steps", "1"},
          {"data", "curate", "--data", data, "--out", out, "--gate", "necessity"}};
}

TEST(Device, EveryCommandSaysWhatIsMissingOfItsDevice) {
  for (std::vector<std::string> words : commands(scratch("missing-device"))) {
    SCOPED_TRACE(words[0] + " " + words[1]);
    words.insert(words.end(), {"--device", "cuda:99"});
    expect_complaint(cigli(words), 1, {"device is cuda:99, but "});
    words.back() = "gpu";
    expect_complaint(cigli(words), 1, {"device is 'gpu', expected auto, cpu, cuda or cuda:N"});
  }
}

TEST(Device, TheProcessorCanBeAskedForByName) {
  const fs::path folder = scratch("cpu");
  const std::vector<std::string> words{
      "generate", "--model",        fixture().model, "--text", "add a red circle", "--image", fixture().prompt(0),
      "--out",    folder / "x.png", "--batch-size",  "auto",   "--device",         "cpu"};
  const Outcome outcome = cigli(words);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_TRUE(fs::exists(folder / "x.png"));
}

TEST(Device, HalfPrecisionIsForGpus) {
  expect_complaint(
      cigli({"generate", "--model", fixture().model, "--text", "add a red circle", "--image", fixture().prompt(0),
             "--out", scratch("fp16") / "x.png", "--device", "cpu", "--precision", "fp16"}),
      2, {"--precision fp16 is for GPUs", "bf16"});
}

TEST(Device, ABatchSizeIsANumberOrAuto) {
  for (const char* size : {"0", "many", "1.5"})
    expect_complaint(cigli({"generate", "--model", fixture().model, "--text", "add a red circle", "--image",
                            fixture().prompt(0), "--out", scratch("batch") / "x.png", "--batch-size", size}),
                     2, {"batch-size", "between 1 and 4096, or auto"});
}

}  // namespace
}  // namespace cigli
