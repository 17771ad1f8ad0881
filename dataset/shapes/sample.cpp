#include "dataset/shapes/sample.h"

#include <algorithm>

#include "dataset/shapes/language.h"
#include "runtime/error.h"
#include "runtime/hash.h"

namespace cigli {
namespace {

constexpr Direction directions[] = {Direction::left, Direction::right, Direction::above, Direction::below};

// A place for an object whose place is free within its relation.
bool place_related(Wanted& wanted, const std::vector<Object>& others, Philox& random) {
  if (!wanted.relation) return place(wanted.object, others, random);
  const Relation& relation = *wanted.relation;
  const bool vertical = relation.direction == Direction::above || relation.direction == Direction::below;
  for (int attempt = 0; attempt < 20; ++attempt) {
    Object object = wanted.object;
    object.x = relation.straight && vertical ? relation.x : 0.5 * static_cast<double>(12 + random.below(105));
    object.y = relation.straight && !vertical ? relation.y : 0.5 * static_cast<double>(12 + random.below(105));
    if (!stands(relation, object.x, object.y, 0) || !fits(object, others)) continue;
    wanted.object = object;
    return true;
  }
  return false;
}

// How many objects a prompt of this world may have so that the target does too: adding needs room for one more.
int draw_count(const World& world, Philox& random) {
  return 1 + static_cast<int>(random.below(static_cast<std::uint64_t>(world.max_objects)));
}

struct Demand {
  std::string split;
  Family family;
  bool seen;
};

std::optional<Sample> attempt(const World& world, const Demand& demand, Philox& random) {
  Sample sample;
  sample.prompt = draw_scene(world, draw_count(world, random), random);
  const auto program = propose(world, demand.family, sample.prompt, random);
  if (!program) return std::nullopt;
  const auto target = realise(world, sample.prompt, *program, random);
  if (!target) return std::nullopt;
  sample.seen = !combination_held_out(world, sample.prompt, *target, *program);
  if (sample.seen != demand.seen || split_of(sample.prompt) != demand.split) return std::nullopt;
  sample.world = &world;
  sample.split = demand.split;
  sample.program = *program;
  sample.target = *target;
  return sample;
}

}  // namespace

const std::vector<std::string>& split_names() {
  static const std::vector<std::string> names = {"train", "val", "test"};
  return names;
}

const std::string& split_of(const Scene& prompt) {
  const std::uint64_t tenth = stable_hash("scene " + scene_key(prompt)) % 10;
  return split_names()[tenth < 8 ? 0 : tenth - 7];
}

std::optional<Program> propose(const World& world, Family family, const Scene& prompt, Philox& random) {
  const Signature& takes = signature(family);
  const Object &subject = pick(prompt.objects, random), &other = pick(prompt.objects, random);
  const auto colour = [&](Origin origin) {
    if (origin == Origin::any) return pick(world.colours, random);
    return origin == Origin::other ? other.colour : subject.colour;
  };
  const auto shape = [&](Origin origin) {
    if (origin == Origin::any) return pick(world.shapes, random);
    return origin == Origin::other ? other.shape : subject.shape;
  };
  Program program;
  program.family = family;
  if (takes.colour != Origin::none) program.colour = colour(takes.colour);
  if (takes.shape != Origin::none) program.shape = shape(takes.shape);
  if (takes.to_colour != Origin::none) program.to_colour = colour(takes.to_colour);
  if (takes.to_shape != Origin::none) program.to_shape = shape(takes.to_shape);
  if (takes.direction) program.direction = directions[random.below(4)];
  if (outcomes(world, prompt, program).empty()) return std::nullopt;
  return program;
}

std::optional<Scene> realise(const World& world, const Scene& prompt, const Program& program, Philox& random) {
  const std::vector<Outcome> all = outcomes(world, prompt, program);
  if (all.empty()) return std::nullopt;
  Outcome outcome = pick(all, random);
  if (outcome.size() > static_cast<std::size_t>(world.max_objects)) return std::nullopt;
  Scene target;
  target.background = prompt.background;
  std::stable_partition(outcome.begin(), outcome.end(), [](const Wanted& w) { return !w.any_place; });
  for (Wanted& wanted : outcome) {
    if (wanted.any_colour) wanted.object.colour = pick(world.colours, random);
    if (wanted.any_radius) wanted.object.radius = pick(world.radii, random);
    if (wanted.any_place && !place_related(wanted, target.objects, random)) return std::nullopt;
    if (!fits(wanted.object, target.objects)) return std::nullopt;
    target.objects.push_back(wanted.object);
  }
  return target;
}

bool combination_held_out(const World& world, const Scene& prompt, const Scene& target, const Program& program) {
  const auto in = [](const Object& object, const Scene& scene) {
    return std::find(scene.objects.begin(), scene.objects.end(), object) != scene.objects.end();
  };
  const auto held = [&](const Object& object) { return held_out(world, program.family, object.colour, object.shape); };
  bool touched = false, unseen = false;
  const std::vector<Outcome> all = outcomes(world, prompt, program);
  for (const Wanted& wanted : all.at(0)) {
    if (!wanted.touched) continue;
    touched = true;
    if (!wanted.any_colour && held(wanted.object)) unseen = true;
  }
  for (const Object& object : target.objects)
    if (touched && !in(object, prompt) && held(object)) unseen = true;
  if (touched) return unseen;
  return std::any_of(prompt.objects.begin(), prompt.objects.end(),
                     [&](const Object& object) { return !in(object, target) && held(object); });
}

Sample make_sample(const World& world, const std::string& split, std::uint64_t seed, std::int64_t index) {
  const auto families = static_cast<std::int64_t>(world.families.size());
  const std::int64_t family = index % families, round = index / families;
  const bool train = split == "train";
  const Demand demand{split, world.families[static_cast<std::size_t>(family)], train || (family + round) % 2 == 0};
  const bool paraphrase_seen = train || (family / 2 + round / 2) % 4 != 3;
  Philox random(stable_hash(world.name + ' ' + split + ' ' + std::to_string(seed)), static_cast<std::uint64_t>(index));
  // Not one draw in ten thousand needs more than a few thousand attempts; the limit only ends a world without any.
  for (int tries = 0; tries < 1000000; ++tries) {
    auto sample = attempt(world, demand, random);
    if (!sample) continue;
    sample->paraphrase_seen = paraphrase_seen;
    sample->paraphrase = draw_paraphrase(demand.family, paraphrase_seen, random);
    sample->text = sentence(sample->program, sample->paraphrase, random.next());
    return *sample;
  }
  throw Error("world " + world.name + " has no pair of the family " + name(demand.family) + " in " + split);
}

}  // namespace cigli
