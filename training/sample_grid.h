#pragma once

#include <cstdint>
#include <vector>

#include "dataset/contact_sheet.h"
#include "dataset/pack.h"
#include "decoder/generator.h"

namespace cigli {

// One card [prompt | generated | target] with its sentence for each of these pairs of a pack; the noise depends on
// `seed` and the pair's id alone.
std::vector<SheetCard> sample_cards(Generator& model, const Pack& pack, const std::vector<std::int64_t>& indices,
                                    std::uint64_t seed);

}  // namespace cigli
