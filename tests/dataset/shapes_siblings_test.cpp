#include <gtest/gtest.h>

#include <map>
#include <set>

#include "dataset/metadata.h"
#include "dataset/shapes/checker.h"
#include "dataset/shapes/siblings.h"
#include "dataset/shapes/synth.h"
#include "tests/temporary_folder.h"

namespace cigli {
namespace {

TEST(Siblings, ShareTheirPromptAndHaveTargetsOfTheirOwn) {
  const World& world = world_named("shapes-64");
  std::set<std::string> prompts;
  std::set<Family> families;
  for (std::int64_t group = 0; group < 50; ++group) {
    const std::vector<Sample> siblings = make_siblings(world, "train", 1, group, 4);
    ASSERT_EQ(siblings.size(), 4U);
    std::set<std::string> targets;
    for (const Sample& sample : siblings) {
      EXPECT_EQ(sample.prompt, siblings[0].prompt);
      EXPECT_EQ(split_of(sample.prompt), "train");
      EXPECT_TRUE(sample.seen && sample.paraphrase_seen);
      EXPECT_FALSE(combination_held_out(world, sample.prompt, sample.target, sample.program));
      EXPECT_FALSE(outcomes(world, sample.prompt, sample.program).empty());
      targets.insert(scene_key(sample.target));
      families.insert(sample.program.family);
    }
    EXPECT_EQ(targets.size(), 4U);
    prompts.insert(scene_key(siblings[0].prompt));
  }
  EXPECT_GT(prompts.size(), 45U);
  EXPECT_EQ(families.size(), world.families.size());
  EXPECT_EQ(make_siblings(world, "train", 1, 7, 4)[3].text, make_siblings(world, "train", 1, 7, 4)[3].text);
}

TEST(Siblings, HeldOutOnesComeInValAndTest) {
  const World& world = world_named("shapes-64");
  std::map<bool, int> seen, paraphrase_seen;
  for (std::int64_t group = 0; group < 50; ++group)
    for (const Sample& sample : make_siblings(world, "test", 1, group, 2)) {
      EXPECT_EQ(split_of(sample.prompt), "test");
      EXPECT_EQ(combination_held_out(world, sample.prompt, sample.target, sample.program), !sample.seen);
      ++seen[sample.seen];
      ++paraphrase_seen[sample.paraphrase_seen];
    }
  EXPECT_GT(seen[false], 15);
  EXPECT_GT(seen[true], 30);
  EXPECT_GT(paraphrase_seen[false], 10);
}

TEST(Planted, TheSentenceOrThePromptTellsTheTarget) {
  const World& world = world_named("shapes-64");
  for (const Sample& sample : make_planted(world, "train", 1, 0, 4, Planted::prompt_tells))
    EXPECT_EQ(sample.target, sample.prompt);
  for (const Sample& sample : make_planted(world, "train", 1, 0, 4, Planted::sentence_tells)) {
    ASSERT_EQ(sample.target.objects.size(), 1U);
    EXPECT_TRUE(well_spaced(sample.target));
    const Object& object = sample.target.objects[0];
    EXPECT_NE(sample.text.find(name(object.colour) + ' ' + name(object.shape)), std::string::npos) << sample.text;
    EXPECT_EQ(sample.text.find("left") != std::string::npos, object.x < 24) << sample.text;
    EXPECT_EQ(sample.text.find("bottom") != std::string::npos, object.y > 40) << sample.text;
  }
  EXPECT_EQ(make_planted(world, "train", 1, 0, 4, Planted::none)[2].text,
            make_siblings(world, "train", 1, 0, 4)[2].text);
}

TEST(Synth, PlantsTheSharesAskedForInWholeGroups) {
  const TemporaryFolder folder;
  SynthOptions options;
  options.out = (folder / "data").string();
  options.count = 90;
  options.seed = 1;
  options.split = "train";
  options.per_prompt = 4;
  options.planted = 0.25;
  synthesise(options, [](std::int64_t) {});
  std::map<std::string, int> planted;
  for (const Row& row : read_metadata_strict(folder / "data")) {
    const std::string kind = row.object.value("planted", "");
    ++planted[kind];
    EXPECT_EQ(row.object.contains("program"), kind.empty());
  }
  EXPECT_EQ(planted["sentence"] + planted["prompt"] + planted[""], 90);
  EXPECT_NEAR(planted["sentence"], 22.5, 4);
  EXPECT_NEAR(planted["prompt"], 22.5, 4);
}

}  // namespace
}  // namespace cigli
