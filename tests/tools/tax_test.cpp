#include <gtest/gtest.h>

#include "tests/tools/command.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

TEST(TaxCommand, TellsWhereTheTimeOfAModelGoes) {
  const fs::path out = scratch("tax") / "tax.json";
  const Outcome outcome = cigli({"tax", "--model", fixture().model, "--batch-sizes", "1,3", "--backends", "fp32",
                                 "--threads", "1", "--rows", "3", "--out", out});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  for (const char* part : {"roofs: fp32 product", "time of b images", "convolution", "advice: "})
    EXPECT_TRUE(contains(outcome.out, part)) << part;
  const Json json = Json::parse(read_text(out));
  EXPECT_EQ(json["steps"], 2);
  const Json& backend = json["backends"][0];
  EXPECT_EQ(backend["backend"], "fp32");
  ASSERT_EQ(backend["batches"].size(), 2u);
  EXPECT_EQ(backend["batches"][1]["batch"], 3);
  for (const Json& batch : backend["batches"]) {
    EXPECT_GT(batch["measured"], 0);
    EXPECT_GT(batch["operators"], 100);
    EXPECT_LT(batch["tax"], 1);
  }
}

TEST(TaxCommand, MeasuresATrainingStep) {
  const std::string config = std::string(CIGLI_SOURCE_DIR) + "/configs/shapes-64-tiny.toml";
  const Outcome outcome =
      cigli({"tax", "--train", config, "--data", fixture().pack, "--backends", "fp32", "--threads", "1", "--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Json json = Json::parse(outcome.out);
  EXPECT_EQ(json["pass"], "training step");
  EXPECT_TRUE(contains(json["backends"][0]["batches"][0]["calls"].dump(), "convolution_backward"));
}

TEST(TaxCommand, RefusesWhatSaysNothing) {
  expect_complaint(cigli({"tax", "--train", "x.toml"}), 2, {"--train and --data belong together"});
  expect_complaint(cigli({"tax", "--train", "x.toml", "--data", "d", "--steps", "2"}), 2, {"say nothing of --train"});
  expect_complaint(cigli({"tax", "--backends", "fp8"}), 2, {"fp8", "fp32"});
  expect_complaint(cigli({"tax", "--model", "/no/such/model"}), 1, {"/no/such/model"});
}

}  // namespace
}  // namespace cigli
