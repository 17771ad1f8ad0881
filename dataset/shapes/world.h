#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dataset/shapes/program.h"
#include "dataset/shapes/scene.h"
#include "runtime/philox.h"

namespace cigli {

// Which scenes and programs there are.
struct World {
  std::string name;
  std::vector<Shape> shapes;
  std::vector<Colour> colours;
  std::vector<Family> families;
  std::vector<double> radii;  // of objects, ascending
  int max_objects = 0;
  bool sizes = false;  // objects are small (radii.front()) or large (radii.back()), and the checker tells them apart
};

// "shapes-64" or "shapes-rich"; throws Error naming the known ones. The world lives as long as the process.
const World& world_named(std::string_view name);
const std::vector<std::string>& world_names();

// Random background and `count` random objects with gaps between them.
Scene draw_scene(const World& world, int count, Philox& random);
// A free spot's centre for `object`; false when none was found.
bool place(Object& object, const std::vector<Object>& others, Philox& random);

// Uniformly one of `values`, which must not be empty.
template <class T>
const T& pick(const std::vector<T>& values, Philox& random) {
  return values[static_cast<std::size_t>(random.below(values.size()))];
}

// About a sixth of a family's combinations (colour, shape) is held out of training, the same in every run; each colour
// and each shape keeps at least half of its combinations.
bool held_out(const World& world, Family family, Colour colour, Shape shape);

}  // namespace cigli
