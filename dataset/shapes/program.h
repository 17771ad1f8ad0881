#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dataset/shapes/scene.h"

namespace cigli {

struct World;

// What the target does to the prompt. The first ten are the benchmark's; the last two take two steps.
enum class Family {
  add,
  recolour,
  all_same,
  mirror,
  keep_shape,
  keep_colour,
  remove_shape,
  remove_colour,
  reshape,
  recolour_shape,
  one_more,
  one_fewer,
  match_count,
  add_beside,
  remove_beside,
  move,
  swap_places,
  take_colour,
  grow,
  shrink,
  remove_and_add,
  recolour_and_mirror
};

enum class Direction { left, right, above, below };
const std::string& name(Direction direction);

// Where an argument's value comes from when a program is made up for a prompt: one of its objects, another one of its
// objects, or anything of the world.
enum class Origin { none, subject, other, any };

// A family's name and the arguments it takes: the type of its programs.
struct Signature {
  Family family;
  std::string name;
  Origin colour = Origin::none, shape = Origin::none, to_colour = Origin::none, to_shape = Origin::none;
  bool direction = false;
};
const Signature& signature(Family family);
const std::vector<Signature>& signatures();
const std::string& name(Family family);

// A family with its arguments; those that the signature lacks stay at their defaults and mean nothing.
struct Program {
  Family family = Family::add;
  Colour colour{}, to_colour{};
  Shape shape{}, to_shape{};
  Direction direction{};
};

nlohmann::ordered_json arguments_json(const Program& program);  // {"colour": "red", ...}: those of the signature
// Throws Error with `where` in front for an unknown family, a missing argument or an unknown value.
Program program_from_json(const std::string& family, const nlohmann::ordered_json& arguments, const std::string& where);

// A place that need not be a point: in `direction` from (x, y), either straight or anywhere within the quadrant.
struct Relation {
  Direction direction;
  double x, y;
  bool straight;
};
// `slack` widens every limit (64ths of the side).
bool stands(const Relation& relation, double x, double y, double slack);

// One object that the target must show.
struct Wanted {
  Object object;
  bool touched = false;  // the program speaks of it; otherwise it is the prompt's, unchanged
  bool any_colour = false, any_place = false, any_radius = false;
  std::optional<Relation> relation;  // limits any_place
};
using Outcome = std::vector<Wanted>;

// Every outcome that makes the program true of this prompt and leaves all else as it was. Empty when the program can't
// be said of this prompt: what it names is missing or ambiguous, or it would change nothing.
std::vector<Outcome> outcomes(const World& world, const Scene& prompt, const Program& program);

}  // namespace cigli
