#include "eval/features/nearest.h"

#include <ATen/Parallel.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "eval/metrics/row_distances.h"
#include "runtime/error.h"

namespace cigli {

using torch::Tensor;

namespace {

// Of `size` values the count-th smallest.
double kth_smallest(const double* values, std::int64_t size, std::int64_t count) {
  std::vector<double> all(values, values + size);
  std::nth_element(all.begin(), all.begin() + (count - 1), all.end());
  return all[static_cast<std::size_t>(count - 1)];
}

}  // namespace

Nearest nearest_rows(const Tensor& queries, const Tensor& among, std::int64_t count) {
  TORCH_CHECK(queries.dim() == 2 && among.dim() == 2 && queries.size(1) == among.size(1) && count > 0, "the nearest ",
              count, " to rows ", queries.sizes(), " among ", among.sizes());
  const std::int64_t rows = queries.size(0), others = among.size(0);
  if (others == 0) throw Error("no rows to search for the nearest");
  count = std::min(count, others);
  TORCH_CHECK(queries.isfinite().all().item<bool>() && among.isfinite().all().item<bool>(),
              "the nearest of rows that are not finite");
  const Tensor centre = among.to(torch::kFloat64).mean(0);
  const CentredRows query(queries, centre), other(among, centre);
  Nearest found{torch::empty({rows, count}, torch::kInt64), torch::empty({rows, count}, torch::kFloat64)};
  const std::int64_t at_once = DistanceBlock::rows_for(others);
  for (std::int64_t from = 0; from < rows; from += at_once) {
    const std::int64_t until = std::min(rows, from + at_once);
    const DistanceBlock about(query, from, until, other);
    at::parallel_for(from, until, 1, [&](std::int64_t begin, std::int64_t end) {
      std::vector<std::pair<double, std::int64_t>> near;
      for (std::int64_t i = begin; i < end; ++i) {
        const double* row = about.row(i - from);
        const double reach = kth_smallest(row, others, count) + 2 * about.slack();
        near.clear();
        for (std::int64_t j = 0; j < others; ++j)
          if (row[j] <= reach) near.emplace_back(squared_distance(query, i, other, j), j);
        std::partial_sort(near.begin(), near.begin() + count, near.end());
        for (std::int64_t k = 0; k < count; ++k) {
          const auto& [distance, j] = near[static_cast<std::size_t>(k)];
          found.rows.data_ptr<std::int64_t>()[i * count + k] = j;
          found.distances.data_ptr<double>()[i * count + k] = std::sqrt(distance);
        }
      }
    });
  }
  return found;
}

Tensor authentic_rows(const Tensor& training, const Tensor& generated) {
  if (training.size(0) < 2) throw Error("authenticity needs two training rows or more");
  const Nearest nearest = nearest_rows(generated, training, 1);
  const auto [matched, place, counts] = at::_unique2(nearest.rows.flatten(), true, true);
  // A row is among its own nearest, at distance 0; so the second distance is that to another, equal rows included.
  const Tensor own = nearest_rows(training.index_select(0, matched), training, 2).distances.select(1, 1);
  return nearest.distances.select(1, 0) > own.index_select(0, place);
}

}  // namespace cigli
