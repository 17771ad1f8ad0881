#include "dataset/shapes/palette.h"

#include <cmath>

namespace cigli {
namespace {

struct Paint {
  std::string name;
  Rgb rgb;
};

// Far from each other, from light greys, and from the mixtures of any of them with a light grey.
const std::vector<Paint>& paints() {
  static const std::vector<Paint> all = {
      {"red", {215, 35, 40}},     {"green", {35, 155, 65}},   {"blue", {40, 80, 215}},  {"yellow", {245, 205, 25}},
      {"purple", {145, 45, 175}}, {"orange", {250, 125, 20}}, {"cyan", {25, 190, 210}}, {"black", {25, 25, 30}}};
  return all;
}

}  // namespace

const std::vector<Colour>& all_colours() {
  static const std::vector<Colour> all = {Colour::red,    Colour::green,  Colour::blue, Colour::yellow,
                                          Colour::purple, Colour::orange, Colour::cyan, Colour::black};
  return all;
}

const std::string& name(Colour colour) { return paints()[static_cast<std::size_t>(colour)].name; }

std::optional<Colour> colour_named(std::string_view name) {
  for (const Colour colour : all_colours())
    if (cigli::name(colour) == name) return colour;
  return std::nullopt;
}

Rgb rgb(Colour colour) { return paints()[static_cast<std::size_t>(colour)].rgb; }

double distance(const Rgb& a, const Rgb& b) {
  double sum = 0;
  for (std::size_t c = 0; c < 3; ++c) sum += (double(a[c]) - b[c]) * (double(a[c]) - b[c]);
  return std::sqrt(sum);
}

}  // namespace cigli
