#pragma once

#include <string>

#include "eval/efficiency/tax.h"

namespace cigli {

// Roofline of a pass (Williams et al. 2009): what its products and convolutions reach, over their floating-point
// operations a byte that they must read and write, below what the machine can do at most. A circle is an operator on
// inputs of one kind, its area its share of the time; the largest are named below. An SVG document of its own, light
// background included.
std::string roofline_chart(const TaxReport& report, const MachineRoofs& roofs, const std::string& title);

}  // namespace cigli
