#include "eval/metrics/mmd.h"

#include <torch/torch.h>

#include <cmath>

#include "runtime/error.h"

namespace cigli {

using torch::Tensor;

namespace {

// Sums of a kernel over pairs of groups: [g][h] of group g of one set and h of another.
using Sums = std::vector<std::vector<double>>;

struct Sets {
  Sums xx, yy, xy;
  std::vector<double> x_diagonal, y_diagonal, xy_diagonal, x_count, y_count;  // by group
};

std::vector<Tensor> groups_of(const Tensor& rows, std::int64_t groups) {
  std::vector<Tensor> parts;
  const Tensor values = rows.to(torch::kFloat64);
  for (const auto& [from, until] : split_evenly(rows.size(0), groups)) parts.push_back(values.slice(0, from, until));
  return parts;
}

double diagonal_sum(const Tensor& x, const Tensor& y, const Kernel& kernel) {
  double sum = 0;
  constexpr std::int64_t step = 256;
  for (std::int64_t from = 0; from < x.size(0); from += step)
    sum += kernel(x.slice(0, from, from + step), y.slice(0, from, from + step)).diagonal().sum().item<double>();
  return sum;
}

double sum(const Tensor& x, const Tensor& y, const Kernel& kernel) {
  double sum = 0;
  constexpr std::int64_t step = 1024;
  for (std::int64_t i = 0; i < x.size(0); i += step)
    for (std::int64_t j = 0; j < y.size(0); j += step)
      sum += kernel(x.slice(0, i, i + step), y.slice(0, j, j + step)).sum().item<double>();
  return sum;
}

Sums sums_within(const std::vector<Tensor>& groups, const Kernel& kernel) {
  Sums sums(groups.size(), std::vector<double>(groups.size()));
  for (std::size_t g = 0; g < groups.size(); ++g)
    for (std::size_t h = g; h < groups.size(); ++h) sums[g][h] = sums[h][g] = sum(groups[g], groups[h], kernel);
  return sums;
}

Sets sets_of(const std::vector<Tensor>& x, const std::vector<Tensor>& y, const Kernel& kernel) {
  Sets sets;
  sets.xx = sums_within(x, kernel);
  sets.yy = sums_within(y, kernel);
  for (const Tensor& a : x) {
    sets.xy.emplace_back();
    for (const Tensor& b : y) sets.xy.back().push_back(sum(a, b, kernel));
    sets.x_diagonal.push_back(diagonal_sum(a, a, kernel));
    sets.x_count.push_back(static_cast<double>(a.size(0)));
  }
  // Rows of one number, where there are as many.
  for (std::size_t g = 0; g < x.size() && x[g].size(0) == y[g].size(0); ++g)
    sets.xy_diagonal.push_back(diagonal_sum(x[g], y[g], kernel));
  for (const Tensor& b : y) {
    sets.y_diagonal.push_back(diagonal_sum(b, b, kernel));
    sets.y_count.push_back(static_cast<double>(b.size(0)));
  }
  return sets;
}

double total(const Sums& sums, std::size_t without_row, std::size_t without_column) {
  double all = 0;
  for (std::size_t g = 0; g < sums.size(); ++g)
    for (std::size_t h = 0; h < sums[g].size(); ++h)
      if (g != without_row && h != without_column) all += sums[g][h];
  return all;
}

double total(const std::vector<double>& values, std::size_t without) {
  double all = 0;
  for (std::size_t g = 0; g < values.size(); ++g)
    if (g != without) all += values[g];
  return all;
}

// Without one group of x and one of y.
double discrepancy(const Sets& sets, MmdKind kind, std::size_t x_out, std::size_t y_out) {
  const double n = total(sets.x_count, x_out), m = total(sets.y_count, y_out);
  const double xx = total(sets.xx, x_out, x_out), yy = total(sets.yy, y_out, y_out), xy = total(sets.xy, x_out, y_out);
  if (kind == MmdKind::u_statistic) {
    const double across = total(sets.xy_diagonal, x_out);
    return (xx - total(sets.x_diagonal, x_out) + yy - total(sets.y_diagonal, y_out) - 2 * (xy - across)) /
           (n * (n - 1));
  }
  if (kind == MmdKind::biased) return xx / (n * n) + yy / (m * m) - 2 * xy / (n * m);
  return (xx - total(sets.x_diagonal, x_out)) / (n * (n - 1)) + (yy - total(sets.y_diagonal, y_out)) / (m * (m - 1)) -
         2 * xy / (n * m);
}

void check(const Tensor& x, const Tensor& y, std::int64_t least) {
  TORCH_CHECK(x.dim() == 2 && y.dim() == 2 && x.size(1) == y.size(1), "a discrepancy of rows ", x.sizes(), " and ",
              y.sizes());
  if (x.size(0) < least || y.size(0) < least)
    throw Error("a maximum mean discrepancy needs at least " + std::to_string(least) + " rows a set, got " +
                std::to_string(x.size(0)) + " and " + std::to_string(y.size(0)));
}

}  // namespace

Kernel polynomial_kernel(double degree, double gamma, double offset) {
  return [=](const Tensor& x, const Tensor& y) {
    const double scale = gamma > 0 ? gamma : 1.0 / static_cast<double>(x.size(1));
    return (torch::mm(x, y.t()) * scale + offset).pow(degree);
  };
}

Kernel gaussian_kernel(double sigma) {
  return [=](const Tensor& rows, const Tensor& others) {
    const Tensor centre = others.mean(0), x = rows - centre, y = others - centre;  // an offset costs no digits
    const Tensor squares = x.square().sum(1).unsqueeze(1) + y.square().sum(1) - 2 * torch::mm(x, y.t());
    return (squares.clamp_min(0) / (-2 * sigma * sigma)).exp();
  };
}

double mmd(const Tensor& x, const Tensor& y, const Kernel& kernel, MmdKind kind) {
  check(x, y, 2);
  check_pairing(x, y, kind == MmdKind::u_statistic);
  return discrepancy(sets_of(groups_of(x, 1), groups_of(y, 1), kernel), kind, kWhole, kWhole);
}

Estimate estimate_mmd(const Tensor& x, const Tensor& y, const Kernel& kernel, MmdKind kind, bool paired) {
  check(x, y, 2 * kGroups);
  if (kind == MmdKind::u_statistic && !paired) throw Error("the U-statistic's rows are pairs");
  check_pairing(x, y, paired);
  const Sets sets = sets_of(groups_of(x, kGroups), groups_of(y, kGroups), kernel);
  return estimate_of([&](std::size_t a, std::size_t b) { return discrepancy(sets, kind, a, b); }, paired);
}

Spread mmd_of_subsets(const Tensor& x, const Tensor& y, const Kernel& kernel,
                      const std::vector<std::pair<Tensor, Tensor>>& subsets) {
  std::vector<double> values;
  for (const auto& [of_x, of_y] : subsets)
    values.push_back(mmd(x.index_select(0, of_x), y.index_select(0, of_y), kernel));
  Spread spread;
  const auto n = static_cast<double>(values.size());
  for (const double value : values) spread.mean += value / n;
  for (const double value : values) spread.deviation += (value - spread.mean) * (value - spread.mean) / n;
  spread.deviation = std::sqrt(spread.deviation);
  return spread;
}

}  // namespace cigli
