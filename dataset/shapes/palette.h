#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cigli {

using Rgb = std::array<std::uint8_t, 3>;

enum class Colour { red, green, blue, yellow, purple, orange, cyan, black };

const std::vector<Colour>& all_colours();
const std::string& name(Colour colour);
std::optional<Colour> colour_named(std::string_view name);
Rgb rgb(Colour colour);

// Euclidean distance in RGB.
double distance(const Rgb& a, const Rgb& b);

}  // namespace cigli
