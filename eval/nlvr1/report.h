#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "eval/nlvr1/score.h"

namespace cigli {

// The scores as docs/formats.md lays them out; values and intervals are null where nothing was counted.
nlohmann::ordered_json to_json(const Nlvr1Score& score);
// The same as lines of text.
std::string to_table(const Nlvr1Score& score);
// One row: "id", "sentence" (its number), "form" (null when unparsed), "generated", "blank", "random", "real" (null
// where no truth is known), "items", "unclear" (null without an image).
nlohmann::ordered_json to_json(const Nlvr1Verdict& verdict);

}  // namespace cigli
