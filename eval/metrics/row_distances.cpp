#include "eval/metrics/row_distances.h"

#include <torch/torch.h>

#include <limits>

namespace cigli {

using torch::Tensor;

CentredRows::CentredRows(const Tensor& rows, const Tensor& centre)
    : exact_(rows.to(torch::kFloat64).contiguous()), centred_(exact_ - centre), squares_(centred_.square().sum(1)) {}

double squared_distance(const CentredRows& a, std::int64_t i, const CentredRows& b, std::int64_t j) {
  const double *x = a.row(i), *y = b.row(j);
  double sum = 0;
  for (std::int64_t d = 0; d < a.dimensions(); ++d) sum += (x[d] - y[d]) * (x[d] - y[d]);
  return sum;
}

DistanceBlock::DistanceBlock(const CentredRows& a, std::int64_t from, std::int64_t until, const CentredRows& b)
    : values_(torch::addmm(b.squares_, a.centred_.slice(0, from, until), b.centred_.t(), 1, -2)),
      slack_((16 + static_cast<double>(a.dimensions())) * std::numeric_limits<double>::epsilon() *
             (a.squares_.max().item<double>() + b.squares_.max().item<double>())) {
  values_ += a.squares_.slice(0, from, until).unsqueeze(1);
}

}  // namespace cigli
