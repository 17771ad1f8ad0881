#pragma once

#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace cigli {

enum class Nlvr1Colour { black, yellow, blue };
enum class Nlvr1Shape { circle, square, triangle };
constexpr int nlvr1_kinds = 3;  // of colours, of shapes and of sizes

// One item of a box of NLVR v1 (Suhr et al., ACL 2017): the square of side `size` (10, 20 or 30) whose top-left corner
// stands at (x, y), all in hundredths of the box's side, filled, or holding a circle or an upright triangle.
struct Nlvr1Item {
  double x = 0, y = 0, size = 20;
  Nlvr1Shape shape = Nlvr1Shape::square;
  Nlvr1Colour colour = Nlvr1Colour::black;
  double right() const { return x + size; }
  double bottom() const { return y + size; }
};

using Nlvr1Box = std::vector<Nlvr1Item>;
using Nlvr1Boxes = std::array<Nlvr1Box, 3>;  // left, middle, right

// "black", "yellow", "blue"; "circle", "square", "triangle".
std::string name(Nlvr1Colour colour);
std::string name(Nlvr1Shape shape);

// The three boxes of a row's `structured_rep`: items with `x_loc`, `y_loc`, `size`, `type` and `color` ("Black",
// "Yellow", "#0099ff"). Throws Error that says what is wrong; the caller knows file and row.
Nlvr1Boxes nlvr1_boxes(const nlohmann::ordered_json& structured_rep);

// Whether the box is a tower: one column of squares of one size, each standing on the next and at most half a square
// beside the lowest.
bool is_tower(const Nlvr1Box& box);
// Place of the item's middle in its box, counted from the lowest (0): in a tower the block's number.
int rank_from_base(const Nlvr1Box& box, const Nlvr1Item& item);

// Whether the item is less than two hundredths away from the wall.
enum class Nlvr1Wall { left, right, top, bottom };
bool touches(const Nlvr1Item& item, Nlvr1Wall wall);

// Whether `upper` stands directly on `lower`: one above the other, at most four hundredths apart.
bool stands_on(const Nlvr1Item& upper, const Nlvr1Item& lower);

}  // namespace cigli
