#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "dataset/image.h"
#include "dataset/shapes/program.h"
#include "dataset/shapes/world.h"

namespace cigli {

// The judgement over one generated image.
struct Verdict {
  bool program = false;    // what the sentence says has come true
  bool unchanged = false;  // all that it doesn't speak of is as in the prompt
  bool holds = false;      // both
  std::string reason;      // one line: why it doesn't hold; "" when it does
};

// How far an object may stand from its place, in 64ths of the side: 3.5 pixels of 64.
constexpr double place_tolerance = 3.5;
// How far the background may be from the prompt's, RGB distance.
constexpr double background_tolerance = 60;

// Does `shown` show one of the program's outcomes: the same objects by shape and colour (and size, where the world has
// sizes), each at its place unless the program leaves it open, and no others?
Verdict check_scene(const World& world, const Scene& prompt, const Program& program, const Scene& shown);

// The same for an image: square, at least 16 pixels a side. An image that can't be read so doesn't hold.
Verdict check(const World& world, const Scene& prompt, const Program& program, const Image& generated);

// The same for a dataset row, which carries world, prompt scene and program. Throws Error naming the row's id when it
// has no usable program.
Verdict check_row(const nlohmann::ordered_json& row, const Image& generated);

}  // namespace cigli
