#include "dataset/shapes/world.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "runtime/error.h"
#include "runtime/hash.h"

namespace cigli {
namespace {

using Combination = std::tuple<Family, Colour, Shape>;

std::vector<Family> first_families(std::size_t count) {
  std::vector<Family> families;
  for (std::size_t i = 0; i < count; ++i) families.push_back(signatures()[i].family);
  return families;
}

const std::vector<World>& worlds() {
  static const std::vector<World> all = {
      {"shapes-64",
       {Shape::circle, Shape::square, Shape::triangle},
       {Colour::red, Colour::green, Colour::blue, Colour::yellow},
       first_families(10),
       {5.5, 6, 6.5, 7, 7.5, 8},
       5,
       false},
      {"shapes-rich", all_shapes(), all_colours(), first_families(signatures().size()), {6.5, 9}, 6, true}};
  return all;
}

// In the order of their hashes, each unless its colour or shape has given half of its combinations already.
void hold_out(const World& world, Family family, std::set<Combination>& held) {
  std::vector<std::pair<std::uint64_t, Combination>> order;
  for (const Colour colour : world.colours)
    for (const Shape shape : world.shapes)
      order.push_back({stable_hash("combination " + name(family) + ' ' + name(colour) + ' ' + name(shape)),
                       {family, colour, shape}});
  std::sort(order.begin(), order.end());
  std::map<Colour, std::size_t> of_colour;
  std::map<Shape, std::size_t> of_shape;
  std::size_t left = (order.size() + 3) / 6;
  for (const auto& [hash, combination] : order) {
    const auto& [unused, colour, shape] = combination;
    if (left == 0) return;
    if (2 * (of_colour[colour] + 1) > world.shapes.size() || 2 * (of_shape[shape] + 1) > world.colours.size()) continue;
    ++of_colour[colour];
    ++of_shape[shape];
    --left;
    held.insert(combination);
  }
}

std::map<const World*, std::set<Combination>> all_held_out() {
  std::map<const World*, std::set<Combination>> result;
  for (const World& world : worlds())
    for (const Family family : world.families) hold_out(world, family, result[&world]);
  return result;
}

Rgb draw_background(Philox& random) {
  const auto grey = static_cast<int>(210 + random.below(36));
  Rgb background{};
  for (std::uint8_t& channel : background) channel = static_cast<std::uint8_t>(grey + random.below(17) - 8);
  return background;
}

}  // namespace

const World& world_named(std::string_view name) {
  std::string known;
  for (const World& world : worlds()) {
    if (world.name == name) return world;
    known += (known.empty() ? "" : ", ") + world.name;
  }
  throw Error("unknown world \"" + std::string(name) + "\"; known are " + known);
}

const std::vector<std::string>& world_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> result;
    for (const World& world : worlds()) result.push_back(world.name);
    return result;
  }();
  return names;
}

bool place(Object& object, const std::vector<Object>& others, Philox& random) {
  for (int attempt = 0; attempt < 25; ++attempt) {
    object.x = 0.5 * static_cast<double>(12 + random.below(105));
    object.y = 0.5 * static_cast<double>(12 + random.below(105));
    if (fits(object, others)) return true;
  }
  return false;
}

Scene draw_scene(const World& world, int count, Philox& random) {
  Scene scene;
  scene.background = draw_background(random);
  while (scene.objects.size() < static_cast<std::size_t>(count)) {
    Object object;
    object.shape = pick(world.shapes, random);
    object.colour = pick(world.colours, random);
    object.radius = pick(world.radii, random);
    bool placed = place(object, scene.objects, random);
    if (!placed) {
      object.radius = world.radii.front();
      placed = place(object, scene.objects, random);
    }
    if (placed)
      scene.objects.push_back(object);
    else
      scene.objects.clear();  // crowded: start again
  }
  return scene;
}

bool held_out(const World& world, Family family, Colour colour, Shape shape) {
  static const std::map<const World*, std::set<Combination>> all = all_held_out();
  return all.at(&world).count({family, colour, shape}) > 0;
}

}  // namespace cigli
