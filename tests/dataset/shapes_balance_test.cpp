#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "dataset/parallel.h"
#include "dataset/shapes/checker.h"
#include "dataset/shapes/reader.h"
#include "dataset/shapes/renderer.h"
#include "dataset/shapes/sample.h"

namespace cigli {
namespace {

struct Seen {
  Sample sample;
  Scene prompt, target;  // as the checker reads their renderings
};

std::vector<Seen> draw(const World& world, const std::string& split, std::int64_t count) {
  std::vector<Seen> rows(static_cast<std::size_t>(count));
  for_each_parallel(count, 0, [&](std::int64_t i) {
    Seen& row = rows[static_cast<std::size_t>(i)];
    row.sample = make_sample(world, split, 21, i);
    row.prompt = read_scene(render(row.sample.prompt, 64), world).scene;
    row.target = read_scene(render(row.sample.target, 64), world).scene;
  });
  return rows;
}

bool holds(const Seen& row, const Scene& shown) {
  return check_scene(*row.sample.world, row.sample.prompt, row.sample.program, shown).holds;
}

// In no family does an answer that ignores the prompt or the sentence hold for more than one row in twenty.
void expect_balance(const std::string& which, const std::string& split, std::int64_t count) {
  const World& world = world_named(which);
  const auto families = world.families.size();
  const std::vector<Seen> rows = draw(world, split, count);
  std::map<Family, double> copy, blank, others, total, right;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Seen& row = rows[i];
    const Family family = row.sample.program.family;
    ++total[family];
    right[family] += holds(row, row.target);
    copy[family] += holds(row, row.prompt);
    blank[family] += holds(row, Scene{row.prompt.background, {}});
    // The next row of the family has the best chance to be right by luck.
    others[family] += holds(row, rows[(i + families) % rows.size()].target);
  }
  for (const Family family : world.families) {
    const std::string where = which + ' ' + split + ' ' + name(family);
    EXPECT_GE(total[family], 50) << where;
    EXPECT_GE(right[family], 0.99 * total[family]) << where;
    EXPECT_LE(copy[family], 0.05 * total[family]) << where;
    EXPECT_LE(blank[family], 0.05 * total[family]) << where;
    EXPECT_LE(others[family], 0.05 * total[family]) << where;
  }
}

TEST(ShapesBalance, NoFamilyOfTheBenchmarkIsWonByChance) { expect_balance("shapes-64", "train", 500); }

TEST(ShapesBalanceSlow, NoFamilyIsWonByChance) {
  for (const std::string& split : split_names()) {
    expect_balance("shapes-64", split, 3000);
    expect_balance("shapes-rich", split, split == "train" ? 3300 : 1320);
  }
}

// Another program for the same prompt, with its target.
std::optional<Scene> another_answer(const Sample& sample, Philox& random) {
  for (int tries = 0; tries < 200; ++tries) {
    const Family family = pick(sample.world->families, random);
    const auto program = propose(*sample.world, family, sample.prompt, random);
    if (!program) continue;
    const auto target = realise(*sample.world, sample.prompt, *program, random);
    if (target && !check_scene(*sample.world, sample.prompt, sample.program, *target).holds) return target;
  }
  return std::nullopt;
}

// The same program said of another prompt, with its target.
std::optional<Scene> elsewhere(const Sample& sample, Philox& random) {
  for (int tries = 0; tries < 5000; ++tries) {
    const Scene prompt = draw_scene(*sample.world, 1 + static_cast<int>(random.below(5)), random);
    const auto target = realise(*sample.world, prompt, sample.program, random);
    if (target) return target;
  }
  return std::nullopt;
}

TEST(ShapesBalance, NeitherSentenceNorPromptDeterminesTheAnswer) {
  for (const std::string& which : world_names()) {
    const std::int64_t count = 880;
    int prompt_open = 0, sentence_open = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      const Sample sample = make_sample(world_named(which), "train", 22, i);
      Philox random(23, static_cast<std::uint64_t>(i));
      prompt_open += another_answer(sample, random).has_value();
      const auto target = elsewhere(sample, random);
      sentence_open += target && !check_scene(*sample.world, sample.prompt, sample.program, *target).holds;
    }
    EXPECT_GE(prompt_open, 0.99 * count) << which;
    EXPECT_GE(sentence_open, 0.99 * count) << which;
  }
}

}  // namespace
}  // namespace cigli
