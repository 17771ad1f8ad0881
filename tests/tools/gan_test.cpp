#include <gtest/gtest.h>

#include "dataset/image.h"
#include "tests/tools/command.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

// A tiny GAN on the fixture's 32 px pairs.
Words training(const fs::path& run, const std::string& fusion, const Words& more = {}) {
  Words all{"train",
            "--data",
            fixture().pack,
            "--out",
            run,
            "--batch-size",
            "4",
            "--sample-every",
            "0",
            "--threads",
            "1",
            "--log-every",
            "1",
            "--learning-rate",
            "1e-3",
            "--beta1",
            "0",
            "--gan.reconstruction",
            "1",
            "--gan.r1-every",
            "2",
            "--gan.discriminator.widths",
            "16,16,32",
            "--gan.discriminator.prompt-widths",
            "16,16,16",
            "--gan.discriminator.text-width",
            "16",
            "--model.text.vocabulary",
            "530",
            "--model.text.layers",
            "1",
            "--model.text.width",
            "32",
            "--model.image.widths",
            "16,16,32",
            "--model.fusion.kind",
            fusion,
            "--model.fusion.width",
            "32",
            "--model.fusion.layers",
            "1",
            "--model.decoder.kind",
            "gan",
            "--model.decoder.patch",
            "2",
            "--model.decoder.widths",
            "16,16,32",
            "--model.decoder.blocks",
            "1,1,1",
            "--model.sampling.steps",
            "1"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

TEST(Gan, TrainsResumesAndGeneratesThroughEveryFusion) {
  for (const char* fusion : {"joint", "affine", "concat"}) {
    const fs::path folder = scratch(std::string("gan-") + fusion);
    const Outcome begun = cigli(training(folder / "run", fusion, {"--steps", "2"}));
    ASSERT_EQ(begun.code, 0) << begun.err;
    const Outcome resumed = cigli(training(folder / "run", fusion, {"--steps", "4", "--resume", "latest"}));
    ASSERT_EQ(resumed.code, 0) << resumed.err;
    const std::vector<nlohmann::json> log = read_lines(folder / "run/log.jsonl");
    ASSERT_EQ(log.size(), 4u);
    EXPECT_GT(log[3]["discriminator_loss"].get<double>(), 0);
    EXPECT_GT(log[3]["reconstruction"].get<double>(), 0);

    const Outcome made = cigli({"generate", "--model", folder / "run", "--text", "add a red circle", "--image",
                                fixture().prompt(0), "--out", folder / "x.png"});
    ASSERT_EQ(made.code, 0) << made.err;
    EXPECT_EQ(read_image(folder / "x.png").width, 32);
  }
}

TEST(Gan, SaysThatItIsSampledInOneStepWithoutGuidance) {
  const fs::path folder = scratch("gan-sampling");
  expect_complaint(cigli(training(folder / "eight", "joint", {"--steps", "1", "--model.sampling.steps", "8"})), 1,
                   {"sampling.steps is 8, expected 1"});
  ASSERT_EQ(cigli(training(folder / "run", "joint", {"--steps", "1"})).code, 0);
  const Words words{"generate", "--model",           folder / "run", "--text",        "add a red circle",
                    "--image",  fixture().prompt(0), "--out",        folder / "x.png"};
  for (const Words& more : {Words{"--steps", "4"}, Words{"--guidance-text", "2"}}) {
    Words all = words;
    all.insert(all.end(), more.begin(), more.end());
    expect_complaint(cigli(all), 1, {"a GAN"});
  }
}

}  // namespace
}  // namespace cigli
