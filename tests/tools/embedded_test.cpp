#include <gtest/gtest.h>

#include <filesystem>

#include "dataset/image.h"
#include "runtime/hash.h"
#include "tests/tools/command.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

const fs::path source = fs::path(CIGLI_SOURCE_DIR) / "models/shapes-64.safetensors";

TEST(Embedded, IsUsedWhereNoModelIsNamedFromAnyFolder) {
  const fs::path folder = scratch("embedded");
  const Outcome outcome =
      shell("cd " + folder.string() + " && $cigli generate --text 'Mirror the first image.' --image " +
            fixture().prompt(0).string() + " --out x.png");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(read_image(folder / "x.png").width, 64);
  EXPECT_EQ(read_png_text(folder / "x.png").at("model"), sha256_file(source));
}

TEST(Embedded, IsSmallEnoughForTheRepository) { EXPECT_LE(fs::file_size(source), 16000000U); }

// 400 held-out pairs, half of them of combinations that training never showed. The bars are 92 and 78 %.
TEST(EmbeddedSlow, DrawsWhatSentencesAskFor) {
  const fs::path folder = scratch("embedded-accuracy"), data = folder / "data", out = folder / "generated";
  ASSERT_EQ(cigli({"data", "synth", "--out", data, "--count", "400", "--seed", "21", "--split", "test"}).code, 0);
  ASSERT_EQ(cigli({"generate", "--requests", data / "metadata.jsonl", "--out", out}).code, 0);
  const Outcome outcome = cigli({"evaluate", "--generated", out, "--data", data, "--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Json consistency = Json::parse(outcome.out)["consistency"];
  EXPECT_EQ(consistency["seen"]["n"], 200);
  EXPECT_EQ(consistency["unseen"]["n"], 200);
  EXPECT_GE(consistency["seen"]["ci"][1].get<double>(), 0.92) << outcome.out;
  EXPECT_GE(consistency["unseen"]["ci"][1].get<double>(), 0.78) << outcome.out;
}

TEST(Export, WritesTheWeightsAloneAndTheNewDefaults) {
  const fs::path file = scratch("export") / "small.safetensors";
  const Outcome outcome =
      cigli({"export", "--model", fixture().run, "--out", file, "--guidance-text", "1.5", "--steps", "3"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_LT(fs::file_size(file), fs::file_size(fixture().model) * 6 / 10);
  const fs::path image = file.parent_path() / "x.png";
  ASSERT_EQ(
      cigli({"generate", "--model", file, "--text", "mirror it", "--image", fixture().prompt(0), "--out", image}).code,
      0);
  const Json settings = Json::parse(read_png_text(image).at("settings"));
  EXPECT_EQ(settings["guidance_text"], 1.5);
  EXPECT_EQ(settings["steps"], 3);
  expect_complaint(cigli({"export", "--model", file.parent_path() / "absent", "--out", file}), 1, {"absent"});
}

}  // namespace
}  // namespace cigli
