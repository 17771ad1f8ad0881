#pragma once

#include <vector>

#include "eval/score.h"

namespace cigli {

// Share of (positive, negative) pairs in which the positive is higher, ties by half: the area under the receiver
// operating characteristic (Hanley & McNeil 1982), and the interval of their eq. 1; where some rows share a cluster,
// that of Obuchowski's variance (Biometrics 53, 1997). Clusters are those of either's rows, or none of both. Throws
// Error where either is empty.
Score area_under_roc(const std::vector<double>& positives, const std::vector<double>& negatives,
                     const Clusters& of_positives = {}, const Clusters& of_negatives = {});

}  // namespace cigli
