#include "eval/study/rating.h"

#include <algorithm>
#include <cmath>

#include "eval/student_t.h"
#include "eval/study/clustered.h"
#include "runtime/error.h"

namespace cigli {
namespace {

ClusteredMean mean_of_ratings(const std::vector<Rating>& ratings, double least, double most) {
  if (!(least < most)) throw Error("ratings need a scale from a least to a greater value");
  std::vector<double> values;
  std::vector<std::int64_t> items, raters;
  for (const Rating& rating : ratings) {
    values.push_back((rating.value - least) / (most - least));
    items.push_back(rating.item);
    raters.push_back(rating.rater);
  }
  return clustered_mean(values, items, raters);
}

}  // namespace

MeanRating mean_rating(const std::vector<Rating>& ratings, double least, double most) {
  const ClusteredMean mean = mean_of_ratings(ratings, least, most);
  const auto on_scale = [&](double share) { return least + share * (most - least); };
  const Interval interval = mean.interval(0.95);
  MeanRating result;
  result.value = on_scale(mean.value);
  result.interval = {on_scale(interval.low), on_scale(interval.high)};
  result.ratings = static_cast<std::int64_t>(ratings.size());
  result.items = mean.spread.items;
  result.raters = mean.spread.raters;
  result.warning = few_clusters(result.items, result.raters);
  if (result.warning.empty() && mean.all_alike) result.warning = "all ratings are alike";
  return result;
}

RatingDifference rating_difference(const std::vector<Rating>& first, const std::vector<Rating>& second, double least,
                                   double most) {
  const ClusteredMean a = mean_of_ratings(first, least, most), b = mean_of_ratings(second, least, most);
  std::vector<double> contributions;
  std::vector<std::int64_t> items, raters;
  const auto add = [&](const std::vector<Rating>& ratings, double mean, double sign) {
    for (const Rating& rating : ratings) {
      contributions.push_back(sign * ((rating.value - least) / (most - least) - mean) /
                              static_cast<double>(ratings.size()));
      items.push_back(rating.item);
      raters.push_back(rating.rater);
    }
  };
  add(first, a.value, 1);
  add(second, b.value, -1);
  const ClusteredVariance spread = clustered_variance(contributions, items, raters, true);
  const double difference = a.value - b.value, scale = most - least;
  RatingDifference result;
  result.value = scale * difference;
  result.warning = few_clusters(spread.items, spread.raters);
  const double error = std::sqrt(spread.variance);
  if (error > 1e-9) {
    const double half = student_t_quantile(0.975, spread.degrees_of_freedom) * error;
    result.interval = {scale * std::max(-1.0, difference - half), scale * std::min(1.0, difference + half)};
    result.p = student_t_tails(std::abs(difference) / error, spread.degrees_of_freedom);
    if (result.warning.empty() && (a.all_alike || b.all_alike)) result.warning = "all ratings of a system are alike";
    return result;
  }
  const double clusters = static_cast<double>(std::min(spread.items, spread.raters));
  const double reach = std::pow(0.025, 1 / clusters);
  result.interval = {scale * (difference * reach - (1 - reach)), scale * (difference * reach + (1 - reach))};
  result.p = std::min(1.0, 2 * std::pow(1 + std::abs(difference), -clusters));
  if (result.warning.empty()) result.warning = "all items differ alike";
  return result;
}

}  // namespace cigli
