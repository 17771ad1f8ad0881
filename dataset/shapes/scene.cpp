#include "dataset/shapes/scene.h"

#include <algorithm>
#include <cmath>

#include "runtime/error.h"

namespace cigli {
namespace {

constexpr double border = 1.5;  // between an object and the image's edge
constexpr double gap = 3;       // between two objects

struct Kind {
  std::string name;
  std::vector<Point> outline;
  double area, reach;
};

std::vector<Point> regular(int corners, double outer, double inner, double turn) {
  const double pi = std::acos(-1.0);
  std::vector<Point> points;
  for (int i = 0; i < corners; ++i) {
    const double radius = i % 2 == 0 ? outer : inner, angle = 2 * pi * i / corners + turn * pi;
    points.push_back({radius * std::sin(angle), -radius * std::cos(angle)});
  }
  return points;
}

std::vector<Point> plus(double arm, double half) {
  return {{-half, -arm}, {half, -arm}, {half, -half}, {arm, -half}, {arm, half},   {half, half},
          {half, arm},   {-half, arm}, {-half, half}, {-arm, half}, {-arm, -half}, {-half, -half}};
}

Kind make_kind(std::string name, std::vector<Point> outline) {
  double twice = 0, reach = 0;
  for (std::size_t i = 0; i < outline.size(); ++i) {
    const Point &a = outline[i], &b = outline[(i + 1) % outline.size()];
    twice += a.x * b.y - b.x * a.y;
    reach = std::max(reach, std::hypot(a.x, a.y));
  }
  return {std::move(name), std::move(outline), std::abs(twice) / 2, reach};
}

const Kind& kind(Shape shape) {
  static const std::vector<Kind> kinds = {make_kind("circle", regular(64, 1, 1, 0)),
                                          make_kind("square", regular(4, 1.27, 1.27, 0.25)),
                                          make_kind("triangle", regular(3, 1.35, 1.35, 0)),
                                          make_kind("diamond", regular(4, 1.3, 1.3, 0)),
                                          make_kind("cross", plus(1.2, 0.4)),
                                          make_kind("star", regular(10, 1.4, 0.6, 0))};
  return kinds[static_cast<std::size_t>(shape)];
}

// How far the shape of radius 1 reaches in the direction of the unit vector (x, y).
double extent(Shape shape, double x, double y) {
  double most = 0;
  for (const Point& p : kind(shape).outline) most = std::max(most, p.x * x + p.y * y);
  return most;
}

// Is there a strip between the two, square to the line through their centres, as wide as the gap?
bool apart(const Object& a, const Object& b) {
  const double between = distance(a, b);
  if (between >= a.radius * reach(a.shape) + b.radius * reach(b.shape) + gap) return true;
  if (between == 0) return false;
  const double x = (b.x - a.x) / between, y = (b.y - a.y) / between;
  return between >= a.radius * extent(a.shape, x, y) + b.radius * extent(b.shape, -x, -y) + gap;
}

}  // namespace

const std::vector<Shape>& all_shapes() {
  static const std::vector<Shape> all = {Shape::circle,  Shape::square, Shape::triangle,
                                         Shape::diamond, Shape::cross,  Shape::star};
  return all;
}

const std::string& name(Shape shape) { return kind(shape).name; }

std::optional<Shape> shape_named(std::string_view name) {
  for (const Shape shape : all_shapes())
    if (cigli::name(shape) == name) return shape;
  return std::nullopt;
}

const std::vector<Point>& outline(Shape shape) { return kind(shape).outline; }
double area(Shape shape) { return kind(shape).area; }
double reach(Shape shape) { return kind(shape).reach; }

double distance(const Object& a, const Object& b) { return std::hypot(a.x - b.x, a.y - b.y); }

bool fits(const Object& object, const std::vector<Object>& others) {
  const double r = object.radius;
  if (object.x < border + r * extent(object.shape, -1, 0) || object.y < border + r * extent(object.shape, 0, -1) ||
      object.x > scene_side - border - r * extent(object.shape, 1, 0) ||
      object.y > scene_side - border - r * extent(object.shape, 0, 1))
    return false;
  return std::all_of(others.begin(), others.end(), [&](const Object& other) { return apart(object, other); });
}

bool well_spaced(const Scene& scene) {
  std::vector<Object> before;
  for (const Object& object : scene.objects) {
    if (!fits(object, before)) return false;
    before.push_back(object);
  }
  return true;
}

std::string scene_key(const Scene& scene) {
  std::vector<std::string> parts;
  for (const Object& o : scene.objects) {
    const auto hundredths = [](double value) { return std::to_string(std::llround(value * 100)); };
    parts.push_back(name(o.colour) + ' ' + name(o.shape) + ' ' + hundredths(o.x) + ' ' + hundredths(o.y) + ' ' +
                    hundredths(o.radius) + ';');
  }
  std::sort(parts.begin(), parts.end());
  std::string key;
  for (const std::string& part : parts) key += part;
  return key;
}

nlohmann::ordered_json to_json(const Scene& scene) {
  nlohmann::ordered_json objects = nlohmann::ordered_json::array();
  for (const Object& o : scene.objects)
    objects.push_back(
        {{"shape", name(o.shape)}, {"colour", name(o.colour)}, {"x", o.x}, {"y", o.y}, {"radius", o.radius}});
  return {{"background", scene.background}, {"objects", objects}};
}

Scene scene_from_json(const nlohmann::ordered_json& json, const std::string& where) {
  Scene scene;
  try {
    scene.background = json.at("background").get<Rgb>();
    for (const auto& entry : json.at("objects")) {
      const auto shape = shape_named(entry.at("shape").get_ref<const std::string&>());
      const auto colour = colour_named(entry.at("colour").get_ref<const std::string&>());
      if (!shape || !colour) throw Error(where + ": unknown shape or colour in " + entry.dump());
      scene.objects.push_back({*shape, *colour, entry.at("x"), entry.at("y"), entry.at("radius")});
    }
  } catch (const nlohmann::json::exception& e) {
    throw Error(where + ": expected a scene {background, objects}: " + e.what());
  }
  return scene;
}

}  // namespace cigli
