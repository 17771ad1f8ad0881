#pragma once

#include <optional>
#include <string>

#include "eval/nlvr1/box.h"
#include "eval/nlvr1/terms.h"

namespace cigli {

// What a human sentence of NLVR v1 says of three boxes, as a logical form that can be asked for its truth, or nothing
// where the grammar does not read it from the first word to the last: no sentence is ever guessed.
//
// `form` shows the reading, as in "boxes(tower & count(yellow & square & rank 0) = 1..) = 2..".
std::optional<BoxesTerm> parse_nlvr1(const std::string& sentence);

}  // namespace cigli
