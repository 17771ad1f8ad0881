#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace cigli {

using Ratings = std::vector<std::vector<std::optional<double>>>;  // [unit][rater]; units need not be of one length

enum class Scale { nominal, ordinal };

// Krippendorff's alpha, 1 - observed / expected disagreement over the matrix of coincidences, from units with two
// ratings or more ("Computing Krippendorff's Alpha-Reliability", 2011, section C). 1: all agree, 0: as by chance.
// Nothing where no unit has two ratings or all ratings are alike.
std::optional<double> krippendorff_alpha(const Ratings& ratings, Scale scale);

// Fleiss' kappa (Psychological Bulletin 76, 1971, equations 1 to 7) of counts[unit][category] of raters. Nothing where
// all ratings are in one category. Throws Error unless all units have as many categories and the same two or more
// raters' votes.
std::optional<double> fleiss_kappa(const std::vector<std::vector<std::int64_t>>& counts);

}  // namespace cigli
