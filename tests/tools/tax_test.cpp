#include <gtest/gtest.h>

#include "tests/tools/command.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

TEST(TaxCommand, TellsWhereTheTimeOfAModelGoes) {
  const fs::path folder = scratch("tax"), out = folder / "tax.json", html = folder / "tax.html";
  const Outcome outcome = cigli({"tax", "--model", fixture().model, "--batch-sizes", "1,3", "--backends", "fp32",
                                 "--threads", "1", "--rows", "3", "--out", out, "--html", html});
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
  const std::string page = read_text(html);
  for (const char* part :
       {"Roofline: ", "fp32 convolution", "copy ", "convolution f32[3,", "% of its roof", "ideal ms"})
    EXPECT_TRUE(contains(page, part)) << part;
  std::size_t products = 0, circles = 0;  // each is drawn
  for (const Json& call : backend["batches"][1]["calls"]) products += call["flops"] > 0;
  for (std::size_t at = 0; (at = page.find("<circle", at)) != std::string::npos; ++at) ++circles;
  EXPECT_EQ(circles, products);
}

TEST(TaxCommand, MeasuresATrainingStep) {
  const std::string config = std::string(CIGLI_SOURCE_DIR) + "/configs/shapes-64-tiny.toml";
  const Outcome outcome =
      cigli({"tax", "--train", config, "--data", fixture().pack, "--backends", "fp32", "--threads", "1", "--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Json json = Json::parse(outcome.out);
  EXPECT_EQ(json["pass"], "training step");
  const std::string calls = json["backends"][0]["batches"][0]["calls"].dump();
  for (const char* name : {"convolution_backward", "cigli::adamw", "cigli::gradient_norm"})
    EXPECT_TRUE(contains(calls, name)) << name;
}

TEST(TaxCommand, RefusesWhatSaysNothing) {
  expect_complaint(cigli({"tax", "--train", "x.toml"}), 2, {"--train and --data belong together"});
  expect_complaint(cigli({"tax", "--train", "x.toml", "--data", "d", "--steps", "2"}), 2, {"say nothing of --train"});
  expect_complaint(cigli({"tax", "--backends", "fp8"}), 2, {"fp8", "fp32"});
  expect_complaint(cigli({"tax", "--model", "/no/such/model"}), 1, {"/no/such/model"});
}

}  // namespace
}  // namespace cigli
