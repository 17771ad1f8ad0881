#include "eval/metrics/prdc.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "eval/metrics/row_distances.h"
#include "runtime/error.h"

namespace cigli {

using torch::Tensor;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// A set, and the group that each of its rows belongs to.
struct Rows : CentredRows {
  Rows(const Tensor& rows, const Tensor& centre, std::int64_t groups)
      : CentredRows(rows, centre), parts(split_evenly(rows.size(0), groups)) {
    for (std::size_t g = 0; g < parts.size(); ++g)
      group.insert(group.end(), static_cast<std::size_t>(parts[g].second - parts[g].first), g);
  }
  std::vector<std::pair<std::int64_t, std::int64_t>> parts;
  std::vector<std::size_t> group;
};

// Squared radii of balls: [n][1 + groups], around each row in its own set as a whole, then without each group.
std::vector<std::vector<double>> ball_radii(const Rows& rows, std::int64_t neighbours) {
  const auto k = static_cast<std::size_t>(neighbours);
  std::vector<std::vector<double>> radii(static_cast<std::size_t>(rows.size()));
  const std::int64_t at_once = DistanceBlock::rows_for(rows.size());
  for (std::int64_t from = 0; from < rows.size(); from += at_once) {
    const std::int64_t until = std::min(rows.size(), from + at_once);
    const DistanceBlock distances(rows, from, until, rows);
    at::parallel_for(from, until, 1, [&](std::int64_t begin, std::int64_t end) {
      std::vector<double> near, own, merged;
      for (std::int64_t i = begin; i < end; ++i) {
        const double* row = distances.row(i - from);
        std::vector<std::vector<double>> nearest;  // of each group, exactly
        for (const auto& [first, last] : rows.parts) {
          near.assign(row + first, row + last);
          if (i >= first && i < last) near[static_cast<std::size_t>(i - first)] = kInfinity;
          double reach = kInfinity;
          if (near.size() > k) {
            const auto kth = near.begin() + static_cast<std::ptrdiff_t>(k - 1);
            std::nth_element(near.begin(), kth, near.end());
            reach = *kth + 2 * distances.slack();
          }
          own.clear();
          for (std::int64_t j = first; j < last; ++j)
            if (j != i && row[j] <= reach) own.push_back(squared_distance(rows, i, rows, j));
          std::sort(own.begin(), own.end());
          own.resize(std::min(own.size(), k));
          nearest.push_back(own);
        }
        const auto radius_without = [&](std::size_t out) {
          merged.clear();
          for (std::size_t g = 0; g < nearest.size(); ++g)
            if (g != out) merged.insert(merged.end(), nearest[g].begin(), nearest[g].end());
          if (merged.size() < k) return kInfinity;
          std::nth_element(merged.begin(), merged.begin() + static_cast<std::ptrdiff_t>(k - 1), merged.end());
          return merged[k - 1];
        };
        std::vector<double>& result = radii[static_cast<std::size_t>(i)];
        result.push_back(radius_without(nearest.size()));
        for (std::size_t g = 0; g < nearest.size(); ++g) result.push_back(radius_without(g));
      }
    });
  }
  return radii;
}

// Which points lie in which balls.
struct Membership {
  // Of each point, in how many balls it lies: of all, then of those that are left without each group of the balls' set.
  std::vector<std::vector<double>> balls;
  // Of each ball, in how many points of each group; and without each group of the balls' set, whether it has any (of
  // paired sets, of those that are left).
  std::vector<std::vector<double>> points;
  std::vector<std::vector<char>> any;
};

Membership find_members(const Rows& points, const Rows& centres, const std::vector<std::vector<double>>& radii,
                        const PrdcOptions& options) {
  const std::size_t versions = radii.front().size();
  const auto m = static_cast<std::size_t>(points.size()), n = static_cast<std::size_t>(centres.size());
  Membership found{std::vector<std::vector<double>>(m, std::vector<double>(versions)),
                   std::vector<std::vector<double>>(n, std::vector<double>(points.parts.size())),
                   std::vector<std::vector<char>>(n, std::vector<char>(versions))};
  std::vector<double> widest;
  for (const auto& of_ball : radii) widest.push_back(*std::max_element(of_ball.begin(), of_ball.end()));
  const std::int64_t at_once = DistanceBlock::rows_for(centres.size());
  for (std::int64_t from = 0; from < points.size(); from += at_once) {
    const std::int64_t until = std::min(points.size(), from + at_once);
    const DistanceBlock distances(points, from, until, centres);
    std::vector<std::vector<std::pair<std::int64_t, double>>> inside(static_cast<std::size_t>(until - from));
    at::parallel_for(from, until, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const double* row = distances.row(i - from);
        for (std::int64_t j = 0; j < centres.size(); ++j)
          if (row[j] - distances.slack() <= widest[static_cast<std::size_t>(j)])
            inside[static_cast<std::size_t>(i - from)].emplace_back(j, squared_distance(points, i, centres, j));
      }
    });
    for (std::int64_t i = from; i < until; ++i)
      for (const auto& [centre, distance] : inside[static_cast<std::size_t>(i - from)]) {
        const auto point = static_cast<std::size_t>(i), ball = static_cast<std::size_t>(centre);
        for (std::size_t v = 0; v < versions; ++v) {
          const double radius = radii[ball][v];
          if (v == centres.group[ball] + 1 || !(options.inclusive ? distance <= radius : distance < radius)) continue;
          found.balls[point][v] += 1;
          if (!options.paired || v != points.group[point] + 1) found.any[ball][v] = 1;
          if (v == 0) found.points[ball][points.group[point]] += 1;
        }
      }
  }
  return found;
}

// Mean over the rows that are not in group `out`.
template <class Of>
double mean_without(const Rows& rows, std::size_t out, const Of& of) {
  double sum = 0, count = 0;
  for (std::size_t i = 0; i < rows.group.size(); ++i)
    if (rows.group[i] != out) {
      sum += of(i);
      count += 1;
    }
  return sum / count;
}

// Whether a ball holds a point that is not in group `out`.
bool holds_any(const std::vector<double>& by_group, std::size_t out) {
  for (std::size_t g = 0; g < by_group.size(); ++g)
    if (g != out && by_group[g] > 0) return true;
  return false;
}

}  // namespace

Prdc prdc(const Tensor& real, const Tensor& generated, const PrdcOptions& options) {
  TORCH_CHECK(real.dim() == 2 && generated.dim() == 2 && real.size(1) == generated.size(1), "prdc of rows ",
              real.sizes(), " and ", generated.sizes());
  const std::int64_t least = std::min(real.size(0), generated.size(0));
  if (least <= options.neighbours)
    throw Error("balls of " + std::to_string(options.neighbours) + " neighbours need more rows than that a set, got " +
                std::to_string(real.size(0)) + " and " + std::to_string(generated.size(0)));
  check_pairing(real, generated, options.paired);
  Prdc result;
  result.has_intervals = least >= 2 * kGroups && least * (kGroups - 1) / kGroups > options.neighbours;
  const std::int64_t groups = result.has_intervals ? kGroups : 1;
  const Tensor centre = real.to(torch::kFloat64).mean(0);
  const Rows reals(real, centre, groups), fakes(generated, centre, groups);
  const Membership in_real = find_members(fakes, reals, ball_radii(reals, options.neighbours), options);
  const Membership in_fake = find_members(reals, fakes, ball_radii(fakes, options.neighbours), options);

  // Each value without one group of the real rows or of the generated ones.
  const auto precision = [&](std::size_t real_out, std::size_t fake_out) {
    return mean_without(fakes, fake_out, [&](std::size_t j) { return in_real.balls[j][real_out + 1] > 0 ? 1.0 : 0.0; });
  };
  const auto density = [&](std::size_t real_out, std::size_t fake_out) {
    return mean_without(fakes, fake_out, [&](std::size_t j) { return in_real.balls[j][real_out + 1]; }) /
           static_cast<double>(options.neighbours);
  };
  const auto coverage = [&](std::size_t real_out, std::size_t fake_out) {
    return mean_without(reals, real_out, [&](std::size_t i) {
      const bool covered =
          real_out == kWhole ? holds_any(in_real.points[i], fake_out) : in_real.any[i][real_out + 1] != 0;
      return covered ? 1.0 : 0.0;
    });
  };
  const auto recall = [&](std::size_t real_out, std::size_t fake_out) {
    return mean_without(reals, real_out, [&](std::size_t i) { return in_fake.balls[i][fake_out + 1] > 0 ? 1.0 : 0.0; });
  };
  const auto estimate = [&](const auto& of, double most) {
    if (!result.has_intervals) return Prdc::Value{of(kWhole, kWhole), {}, {}};
    const Estimate found = estimate_of(of, options.paired);
    Prdc::Value value{found.value, jackknife_interval(found.value, found.sets), found.sets};
    value.interval = {std::max(0.0, value.interval.low), std::min(most, value.interval.high)};
    const bool all_agree =
        most == 1 && (found.value == 0 || found.value == 1) &&
        std::all_of(found.sets.begin(), found.sets.end(), [](const Jackknife& set) { return set.variance == 0; });
    if (all_agree) value.interval = share_interval(std::vector<double>(static_cast<std::size_t>(least), found.value));
    return value;
  };
  result.precision = estimate(precision, 1);
  result.recall = estimate(recall, 1);
  result.density = estimate(density, kInfinity);
  result.coverage = estimate(coverage, 1);
  return result;
}

}  // namespace cigli
