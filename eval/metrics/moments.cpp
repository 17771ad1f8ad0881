#include "eval/metrics/moments.h"

#include <ATen/Parallel.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "runtime/error.h"

namespace cigli {

using torch::Tensor;

namespace {

// Cholesky's where the matrix is far from singular, which takes a tenth of the time; else by eigenvalues, and those
// that rounding alone can have made are none.
Gaussian rooted(const Tensor& mean, const Tensor& covariance, const std::string& name) {
  const double least = static_cast<double>(covariance.size(0)) * std::numeric_limits<double>::epsilon();
  const auto [lower, info] = torch::linalg_cholesky_ex(covariance);
  if (info.item<std::int64_t>() == 0) {
    const Tensor diagonal = lower.diagonal();
    if (std::pow((diagonal.min() / diagonal.max()).item<double>(), 2) > 100 * least) return {mean, lower.t(), true};
  }
  const auto [values, vectors] = torch::linalg_eigh(covariance);
  const double smallest = values[0].item<double>(), largest = values.abs().max().item<double>();
  if (smallest < -1e-5 * largest)
    throw Error(name + ": sigma is no covariance, it has an eigenvalue " + c10::str(smallest));
  const Tensor kept = (values > least * values.max().clamp_min(0)).nonzero().squeeze(1);
  return {mean, (vectors.index_select(1, kept) * values.index_select(0, kept).sqrt()).t()};
}

// The mean of a matrix [D,D] and its transpose. Throws Error unless it is finite and the two agree to 1e-5 of its
// largest value. In tiles, as the transpose's rows lie far apart.
Tensor symmetrized(const Tensor& matrix, const std::string& name) {
  constexpr std::int64_t tile = 32;
  const std::int64_t d = matrix.size(0), tiles = (d + tile - 1) / tile;
  const Tensor result = torch::empty({d, d}, torch::kFloat64);
  const double* const from = matrix.data_ptr<double>();
  double* const to = result.data_ptr<double>();
  std::vector<double> largest(static_cast<std::size_t>(tiles)), apart(largest);
  at::parallel_for(0, tiles, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t)
      for (std::int64_t u = 0; u < tiles; ++u)
        for (std::int64_t i = t * tile; i < std::min(d, (t + 1) * tile); ++i)
          for (std::int64_t j = u * tile; j < std::min(d, (u + 1) * tile); ++j) {
            const double here = from[i * d + j], there = from[j * d + i];
            to[i * d + j] = (here + there) / 2;
            double &most = largest[static_cast<std::size_t>(t)], &gap = apart[static_cast<std::size_t>(t)];
            // A value that is not finite makes the sum so, whatever follows.
            most = std::abs(here) > most ? std::abs(here) : most + 0 * here;
            gap = std::max(gap, std::abs(here - there));
          }
  });
  double most = 0, gap = 0;
  for (std::size_t t = 0; t < largest.size(); ++t) {
    if (!std::isfinite(largest[t])) throw Error(name + ": mu or sigma has values that are not finite");
    most = std::max(most, largest[t]);
    gap = std::max(gap, apart[t]);
  }
  if (gap > 1e-5 * most) throw Error(name + ": sigma is not symmetric");
  return result;
}

}  // namespace

Gaussian gaussian_of(const Tensor& mean, const Tensor& covariance, const std::string& name) {
  const auto shape = [](const Tensor& x) { return c10::str(x.sizes()); };
  if (mean.dim() != 1 || covariance.dim() != 2 || covariance.size(0) != mean.size(0) ||
      covariance.size(1) != mean.size(0) || mean.size(0) == 0)
    throw Error(name + ": mu " + shape(mean) + " and sigma " + shape(covariance) + ", expected [D] and [D, D]");
  const Tensor mu = mean.to(torch::kFloat64).contiguous(), sigma = covariance.to(torch::kFloat64).contiguous();
  constexpr double largest = 1e100;  // what is left squares and adds up
  if (!mu.isfinite().all().item<bool>()) throw Error(name + ": mu or sigma has values that are not finite");
  if (mu.abs().max().item<double>() > largest || sigma.abs().max().item<double>() > largest)
    throw Error(name + ": mu or sigma has a value beyond 1e100");
  return rooted(mu, symmetrized(sigma, name), name);
}

Moments::Moments(std::int64_t dimensions)
    : dimensions_(dimensions), mean_(torch::zeros({dimensions}, torch::kFloat64)) {}

Moments::Moments(std::int64_t count, const Gaussian& gaussian) : Moments(gaussian.mean.size(0)) {
  TORCH_CHECK(count > 1, "moments of ", count, " rows");
  count_ = count;
  mean_ = gaussian.mean;
  append(gaussian.root * std::sqrt(static_cast<double>(count - 1)));
}

void Moments::add(const Tensor& rows) {
  TORCH_CHECK(rows.dim() == 2 && rows.size(1) == dimensions_, "moments of ", dimensions_, " dimensions got rows ",
              rows.sizes());
  if (rows.size(0) == 0) return;
  const Tensor values = rows.to(torch::kFloat64);
  Moments piece(dimensions_);
  piece.count_ = rows.size(0);
  piece.mean_ = values.mean(0);
  piece.factor_.push_back(values - piece.mean_);
  merge(piece);
}

void Moments::merge(const Moments& other) {
  TORCH_CHECK(other.dimensions_ == dimensions_, "moments of ", dimensions_, " and ", other.dimensions_,
              " dimensions don't merge");
  if (other.count_ == 0) return;
  const auto mine = static_cast<double>(count_), others = static_cast<double>(other.count_);
  const Tensor apart = other.mean_ - mean_;
  for (const Tensor& rows : other.factor_) append(rows);
  if (count_ > 0) append(apart.unsqueeze(0) * std::sqrt(mine * others / (mine + others)));
  mean_ = count_ == 0 ? other.mean_ : mean_ + apart * (others / (mine + others));
  count_ += other.count_;
}

void Moments::append(const Tensor& rows) {
  factor_.push_back(rows);
  waiting_ += rows.size(0);
  if (waiting_ > 2 * dimensions_) compress();
}

void Moments::compress() {
  const Tensor triangle = std::get<1>(torch::linalg_qr(torch::cat(factor_), "r"));
  factor_ = {triangle};
  waiting_ = triangle.size(0);
}

Gaussian Moments::gaussian(std::int64_t ddof) const {
  if (count_ <= ddof)
    throw Error("a covariance over n - " + std::to_string(ddof) + " needs more than " + std::to_string(ddof) +
                " rows, got " + std::to_string(count_));
  const Tensor rows = torch::cat(factor_);
  const bool triangular = rows.size(0) > dimensions_;
  const Tensor root = triangular ? std::get<1>(torch::linalg_qr(rows, "r")) : rows;
  return {mean_, root / std::sqrt(static_cast<double>(count_ - ddof)), triangular};
}

}  // namespace cigli
