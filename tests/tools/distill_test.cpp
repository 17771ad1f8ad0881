#include <gtest/gtest.h>

#include "dataset/image.h"
#include "tests/tools/command.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

Outcome distill(const fs::path& teacher, const fs::path& out, const std::vector<std::string>& more = {}) {
  std::vector<std::string> words{
      "distill",      "--teacher", teacher,          "--data", fixture().pack, "--out", out, "--updates", "3",
      "--batch-size", "4",         "--sample-every", "2",      "--samples",    "2"};
  words.insert(words.end(), more.begin(), more.end());
  return cigli(words);
}

TEST(Distill, MakesAModelThatDrawsInFewSteps) {
  const fs::path folder = scratch("distill"), run = folder / "fast";
  const Outcome outcome = distill(fixture().model, run, {"--steps", "2"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_TRUE(contains(outcome.err, "finished after update 3"));
  EXPECT_TRUE(fs::exists(run / "samples/step-00000002.png"));
  const Json model = Json::parse(cigli({"inspect", run / "model.safetensors", "--json"}).out);
  EXPECT_EQ(model["metadata"]["cigli.options"]["decoder"]["flow_map"], true);
  EXPECT_EQ(model["metadata"]["cigli.options"]["sampling"]["steps"], 2);

  // Guidance is an input: it changes the image, at no cost.
  const auto draw = [&](const std::string& name, const std::vector<std::string>& more) {
    std::vector<std::string> words{"generate", "--model",           run,     "--text",     "add a red circle",
                                   "--image",  fixture().prompt(0), "--out", folder / name};
    words.insert(words.end(), more.begin(), more.end());
    EXPECT_EQ(cigli(words).code, 0);
    return read_image(folder / name);
  };
  const Image plain = draw("plain.png", {});
  EXPECT_EQ(plain, draw("again.png", {"--steps", "2"}));
  EXPECT_FALSE(plain == draw("one.png", {"--steps", "1"}));
  expect_complaint(cigli({"generate", "--model", run, "--text", "a", "--image", fixture().prompt(0), "--out",
                          folder / "x.png", "--method", "heun"}),
                   1, {"heun", "expected euler"});

  // It goes on where it ended, and can't be a teacher itself.
  const Outcome more = distill(fixture().model, run, {"--steps", "2", "--updates", "5", "--resume", "latest"});
  EXPECT_EQ(more.code, 0) << more.err;
  EXPECT_TRUE(contains(more.err, "going on after update 3"));
  expect_complaint(distill(run, folder / "twice"), 1, {run, "distilled model already"});
}

TEST(Distill, RefusesWhatCantTeach) {
  const fs::path folder = scratch("no-teacher");
  expect_complaint(distill("/no/such/model", folder / "a"), 1, {"/no/such/model"});
  expect_complaint(cigli({"distill", "--data", fixture().pack, "--out", folder / "b"}), 2, {"--teacher is required"});
  expect_complaint(cigli({"distill", "--teacher", fixture().model, "--data", fixture().data, "--size", "64", "--out",
                          folder / "c", "--updates", "1"}),
                   1, {fixture().model, "height"});
}

}  // namespace
}  // namespace cigli
