#include "dataset/shapes/siblings.h"

#include <algorithm>
#include <utility>

#include "dataset/shapes/language.h"
#include "runtime/error.h"
#include "runtime/hash.h"

namespace cigli {
namespace {

constexpr int kTriesAFamily = 8;

Philox group_stream(const World& world, const std::string& split, std::uint64_t seed, std::int64_t group) {
  return Philox(stable_hash(world.name + " siblings " + split + ' ' + std::to_string(seed)),
                static_cast<std::uint64_t>(group));
}

// Adds a pair like `wanted`, which names world, split, prompt, family, and whether its combination and paraphrase are
// seen, with another target than those of `siblings`; none where the draws gave none.
void add_sibling(Sample wanted, Philox& random, std::vector<Sample>& siblings) {
  const Family family = wanted.program.family;
  for (int tries = 0; tries < kTriesAFamily; ++tries) {
    const auto program = propose(*wanted.world, family, wanted.prompt, random);
    const auto target = program ? realise(*wanted.world, wanted.prompt, *program, random) : std::nullopt;
    if (!target || combination_held_out(*wanted.world, wanted.prompt, *target, *program) == wanted.seen) continue;
    const bool known = std::any_of(siblings.begin(), siblings.end(), [&](const Sample& sibling) {
      return scene_key(sibling.target) == scene_key(*target);
    });
    if (known) continue;
    wanted.program = *program;
    wanted.target = *target;
    wanted.paraphrase = draw_paraphrase(family, wanted.paraphrase_seen, random);
    wanted.text = sentence(*program, wanted.paraphrase, random.next());
    siblings.push_back(std::move(wanted));
    return;
  }
}

// One object somewhere in a 3 x 3 grid, and the sentence that says so.
void describe_target(Sample& sample, Philox& random) {
  static const std::vector<std::string> rows = {"top", "middle", "bottom"}, columns = {"left", "centre", "right"};
  static const std::vector<std::string> frames = {"nothing but {what} at the {where}", "only {what}, {where}",
                                                  "{what} alone, at the {where}", "just {what} in the {where}"};
  const std::uint64_t row = random.below(3), column = random.below(3);
  Object object;
  object.shape = pick(sample.world->shapes, random);
  object.colour = pick(sample.world->colours, random);
  object.radius = pick(sample.world->radii, random);
  object.x = 14 + 18 * static_cast<double>(column) + 0.5 * static_cast<double>(random.below(5));
  object.y = 14 + 18 * static_cast<double>(row) + 0.5 * static_cast<double>(random.below(5));
  sample.target = draw_scene(*sample.world, 0, random);  // for a background of its own
  sample.target.objects = {object};
  sample.text = pick(frames, random);
  const auto fill = [&](const std::string& slot, const std::string& with) {
    sample.text.replace(sample.text.find(slot), slot.size(), with);
  };
  fill("{what}", "a " + name(object.colour) + ' ' + name(object.shape));
  fill("{where}", rows[row] + ' ' + columns[column]);
}

}  // namespace

std::vector<Sample> make_siblings(const World& world, const std::string& split, std::uint64_t seed, std::int64_t group,
                                  std::int64_t count) {
  Philox random = group_stream(world, split, seed, group);
  const bool train = split == "train";
  for (int tries = 0; tries < 100000; ++tries) {
    Sample wanted;
    wanted.world = &world;
    wanted.split = split;
    wanted.prompt =
        draw_scene(world, 1 + static_cast<int>(random.below(static_cast<std::uint64_t>(world.max_objects))), random);
    if (split_of(wanted.prompt) != split) continue;
    std::vector<Sample> siblings;
    const std::size_t first = random.below(world.families.size());
    for (std::size_t turn = 0; turn < 2 * world.families.size() && static_cast<std::int64_t>(siblings.size()) < count;
         ++turn) {
      wanted.program.family = world.families[(first + turn) % world.families.size()];
      wanted.seen = train || random.below(2) == 0;
      wanted.paraphrase_seen = train || random.below(4) != 3;
      add_sibling(wanted, random, siblings);
    }
    if (static_cast<std::int64_t>(siblings.size()) == count) return siblings;
  }
  throw Error("world " + world.name + " has no prompt in " + split + " of which " + std::to_string(count) +
              " programs can be said");
}

const std::string& name(Planted planted) {
  static const std::vector<std::string> all = {"", "sentence", "prompt"};
  return all.at(static_cast<std::size_t>(planted));
}

std::vector<Sample> make_planted(const World& world, const std::string& split, std::uint64_t seed, std::int64_t group,
                                 std::int64_t count, Planted planted) {
  std::vector<Sample> samples = make_siblings(world, split, seed, group, count);
  Philox random = group_stream(world, split + " planted", seed, group);
  for (Sample& sample : samples) {
    if (planted == Planted::sentence_tells) describe_target(sample, random);
    if (planted == Planted::prompt_tells) sample.target = sample.prompt;
  }
  return samples;
}

}  // namespace cigli
