#include "eval/metrics/moments.h"

#include <torch/torch.h>

#include <cmath>
#include <limits>

#include "runtime/error.h"

namespace cigli {

using torch::Tensor;

namespace {

// Cholesky's where the matrix is far from singular, which takes a tenth of the time; else by eigenvalues, and those
// that rounding alone can have made are none.
Tensor root_of(const Tensor& covariance) {
  const double least = static_cast<double>(covariance.size(0)) * std::numeric_limits<double>::epsilon();
  const auto [lower, info] = torch::linalg_cholesky_ex(covariance);
  if (info.item<std::int64_t>() == 0) {
    const Tensor diagonal = lower.diagonal();
    if (std::pow((diagonal.min() / diagonal.max()).item<double>(), 2) > 100 * least) return lower.t().contiguous();
  }
  const auto [values, vectors] = torch::linalg_eigh(covariance);
  const Tensor kept = (values > least * values.max().clamp_min(0)).nonzero().squeeze(1);
  return (vectors.index_select(1, kept) * values.index_select(0, kept).sqrt()).t().contiguous();
}

}  // namespace

Gaussian gaussian_of(const Tensor& mean, const Tensor& covariance, const std::string& name) {
  const auto shape = [](const Tensor& x) { return c10::str(x.sizes()); };
  if (mean.dim() != 1 || covariance.dim() != 2 || covariance.size(0) != mean.size(0) ||
      covariance.size(1) != mean.size(0))
    throw Error(name + ": mu " + shape(mean) + " and sigma " + shape(covariance) + ", expected [D] and [D, D]");
  const Tensor mu = mean.to(torch::kFloat64).contiguous(), sigma = covariance.to(torch::kFloat64).contiguous();
  if (!mu.isfinite().all().item<bool>() || !sigma.isfinite().all().item<bool>())
    throw Error(name + ": mu or sigma has values that are not finite");
  const double scale = sigma.abs().max().item<double>();
  if ((sigma - sigma.t()).abs().max().item<double>() > 1e-5 * scale) throw Error(name + ": sigma is not symmetric");
  return {mu, root_of((sigma + sigma.t()) / 2)};
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
  const Tensor root = rows.size(0) > dimensions_ ? std::get<1>(torch::linalg_qr(rows, "r")) : rows;
  return {mean_, root / std::sqrt(static_cast<double>(count_ - ddof))};
}

}  // namespace cigli
