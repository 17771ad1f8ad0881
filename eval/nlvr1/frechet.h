#pragma once

#include <array>
#include <vector>

#include "eval/nlvr1/box.h"

namespace cigli {

// Fourteen numbers of a box, all in a float64's own units: counts of items by colour and shape (black circle, black
// square, black triangle, yellow circle, ..., blue triangle), counts by size (10, 20, 30), and the mean place of the
// items' middles in x and y as shares of the box's side, 0.5 and 0.5 for an empty box.
constexpr std::size_t nlvr1_features = 14;
using Nlvr1Features = std::array<double, nlvr1_features>;
Nlvr1Features features_of(const Nlvr1Box& box);

// Fréchet distance of the two sets' features (eval/metrics/frechet.h), covariances over n - 1, zero for one box. Finite
// for any boxes. Throws Error when a set is empty.
double frechet_distance(const std::vector<Nlvr1Features>& a, const std::vector<Nlvr1Features>& b);

}  // namespace cigli
