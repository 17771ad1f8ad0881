#pragma once

#include <cstdint>

#include "training/objective.h"

namespace cigli {

// A step of an objective. Where the device's memory does not hold it, throws Error that says how many of the pairs
// would have fitted, found by trial; the networks may have moved then, and must not be saved.
StepReport step_if_it_fits(Objective& objective, const Batch& pairs, std::int64_t step, double progress);

}  // namespace cigli
