#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "eval/interval.h"

namespace cigli {

struct Rating {
  std::int64_t item = 0, rater = 0;
  double value = 0;
};

struct MeanRating {
  double value = 0;
  Interval interval;  // 95 %
  std::int64_t ratings = 0, items = 0, raters = 0;
  std::string warning;  // why the interval may not cover as often as it says; "" where it should
};

// Mean of ratings from `least` to `most` for new items and new raters, with clustered_mean's interval on that scale.
// Throws Error without ratings, for one outside and unless least is below most.
MeanRating mean_rating(const std::vector<Rating>& ratings, double least, double most);

struct RatingDifference {
  double value = 0;   // mean of the first less that of the second
  Interval interval;  // 95 %
  double p = 1;       // two-sided, of 0
  std::string warning;
};

// Of two systems' ratings of the same items, paired by them whoever rated which (clustered_variance of a contrast):
// Student's t. Where all differ alike, as clustered_mean of values that are alike, on the scale from -1 to 1. Throws as
// mean_rating.
RatingDifference rating_difference(const std::vector<Rating>& first, const std::vector<Rating>& second, double least,
                                   double most);

}  // namespace cigli
