#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dataset/shapes/palette.h"

namespace cigli {

enum class Shape { circle, square, triangle, diamond, cross, star };

const std::vector<Shape>& all_shapes();
const std::string& name(Shape shape);
std::optional<Shape> shape_named(std::string_view name);

struct Point {
  double x = 0, y = 0;
};

// Outline around the centre of mass for radius 1, y downwards; a circle is a polygon of many sides. All shapes of one
// radius look about equally large.
const std::vector<Point>& outline(Shape shape);
double area(Shape shape);   // of that outline
double reach(Shape shape);  // its farthest point from the centre

// Lengths are 64ths of the image's side, whatever the resolution.
constexpr double scene_side = 64;

struct Object {
  Shape shape = Shape::circle;
  Colour colour = Colour::red;
  double x = 0, y = 0, radius = 0;  // centre of mass; y downwards
  bool operator==(const Object& o) const {
    return shape == o.shape && colour == o.colour && x == o.x && y == o.y && radius == o.radius;
  }
};

double distance(const Object& a, const Object& b);  // between the centres

struct Scene {
  Rgb background{235, 235, 235};
  std::vector<Object> objects;
  bool operator==(const Scene& o) const { return background == o.background && objects == o.objects; }
};

// All objects stand inside the image and keep a visible gap from each other.
bool well_spaced(const Scene& scene);
// Would `object` fit into the scene that way?
bool fits(const Object& object, const std::vector<Object>& others);

// The objects as text, whatever their order and the background: equal for equal scenes.
std::string scene_key(const Scene& scene);

nlohmann::ordered_json to_json(const Scene& scene);
// Throws Error with `where` in front when the JSON is no scene.
Scene scene_from_json(const nlohmann::ordered_json& json, const std::string& where);

}  // namespace cigli
