#include "eval/features/nearest.h"

#include <ATen/Parallel.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "runtime/error.h"

namespace cigli {

using torch::Tensor;

namespace {

constexpr std::int64_t kBlock = 1024;

double squared_distance(const double* x, const double* y, std::int64_t dimensions) {
  double sum = 0;
  for (std::int64_t d = 0; d < dimensions; ++d) sum += (x[d] - y[d]) * (x[d] - y[d]);
  return sum;
}

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
  const std::int64_t rows = queries.size(0), others = among.size(0), dimensions = among.size(1);
  if (others == 0) throw Error("no rows to search for the nearest");
  count = std::min(count, others);
  const Tensor exact = queries.to(torch::kFloat64).contiguous(), other = among.to(torch::kFloat64).contiguous();
  TORCH_CHECK(exact.isfinite().all().item<bool>() && other.isfinite().all().item<bool>(),
              "the nearest of rows that are not finite");
  const Tensor centre = other.mean(0), centred = other - centre, squares = centred.square().sum(1);
  Nearest found{torch::empty({rows, count}, torch::kInt64), torch::empty({rows, count}, torch::kFloat64)};
  for (std::int64_t from = 0; from < rows; from += kBlock) {
    const std::int64_t until = std::min(rows, from + kBlock);
    const Tensor block = exact.slice(0, from, until) - centre, own = block.square().sum(1);
    const Tensor about = torch::addmm(squares, block, centred.t(), 1, -2);  // squared distances, but for `own`
    // A product of D terms rounds by at most D half units in the last place of the squares it is made of.
    const double slack = (16 + static_cast<double>(dimensions)) * std::numeric_limits<double>::epsilon() *
                         (own.max().item<double>() + squares.max().item<double>());
    at::parallel_for(from, until, 1, [&](std::int64_t begin, std::int64_t end) {
      std::vector<std::pair<double, std::int64_t>> near;
      for (std::int64_t i = begin; i < end; ++i) {
        const double* row = about.data_ptr<double>() + (i - from) * others;
        const double* query = exact.data_ptr<double>() + i * dimensions;
        const double reach = kth_smallest(row, others, count) + 2 * slack;
        near.clear();
        for (std::int64_t j = 0; j < others; ++j)
          if (row[j] <= reach)
            near.emplace_back(squared_distance(query, other.data_ptr<double>() + j * dimensions, dimensions), j);
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
