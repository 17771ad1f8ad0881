#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dataset/image.h"
#include "dataset/pack.h"
#include "decoder/generator.h"

namespace cigli {

// One row of a sheet: what went in, what came out, what was wanted.
struct GridRow {
  std::string text;
  Image prompt, generated, target;
};

// Rows [prompt | generated | target] on white, enlarged to at least 96 pixels a side, each with its sentence below in
// as many lines as it needs.
Image draw_grid(const std::vector<GridRow>& rows);

// What the model makes of these pairs of a pack, from noise that depends on `seed` and the pair's id alone.
std::vector<GridRow> sample_rows(Generator& model, const Pack& pack, const std::vector<std::int64_t>& indices,
                                 std::uint64_t seed);

}  // namespace cigli
