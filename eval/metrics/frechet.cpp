#include "eval/metrics/frechet.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "runtime/error.h"

namespace cigli {

using torch::Tensor;

namespace {

// log |det root| of a triangle; minus infinity where it is singular.
double log_determinant(const Gaussian& gaussian) { return gaussian.root.diagonal().abs().log().sum().item<double>(); }

// tr (S1 S2)^1/2: the sum of the singular values of root1 root2^T. Eigenvalues of that product's square take a third of
// the time, but rounding may move them by about epsilon times the largest, which the smallest do not always bear. Such
// an error shows in the determinant, which the triangles tell exactly: sum_i e_i / l_i of errors e_i in eigenvalues l_i
// is what the logarithms are apart. No e_i above `apart` times the least of them makes an error of the sum
// sum_i e_i / (2 sqrt l_i) <= apart D sqrt(l_min) / 2.
double trace_of_root(const Gaussian& a, const Gaussian& b) {
  const Tensor product = a.root.matmul(b.root.t());
  if (a.triangular && b.triangular) {
    const Tensor squares = torch::linalg_eigvalsh(product.matmul(product.t()));
    const double least = squares[0].item<double>();
    if (least > 0) {
      const double sum = squares.sqrt().sum().item<double>();
      const double apart = std::abs(squares.log().sum().item<double>() - 2 * (log_determinant(a) + log_determinant(b)));
      if (apart < 1 && apart * static_cast<double>(squares.size(0)) * std::sqrt(least) / 2 < 1e-10 * sum) return sum;
    }
  }
  return torch::linalg_svdvals(product).sum().item<double>();
}

}  // namespace

FrechetTerms frechet_terms(const Gaussian& a, const Gaussian& b) {
  TORCH_CHECK(a.mean.sizes() == b.mean.sizes(), "a Fréchet distance of ", a.mean.sizes(), " and ", b.mean.sizes());
  FrechetTerms terms;
  terms.mean = (a.mean - b.mean).square().sum().item<double>();
  terms.trace_a = a.root.square().sum().item<double>();
  terms.trace_b = b.root.square().sum().item<double>();
  terms.trace_root = trace_of_root(a, b);
  terms.distance = std::max(0.0, terms.mean + terms.trace_a + terms.trace_b - 2 * terms.trace_root);
  return terms;
}

namespace {

// Moments of all rows, and of all but each group.
struct Parts {
  explicit Parts(const Tensor& rows) : whole(rows.size(1)) {
    std::vector<Moments> groups;
    for (const auto& [from, until] : split_evenly(rows.size(0))) {
      groups.emplace_back(rows.size(1));
      groups.back().add(rows.slice(0, from, until));
    }
    for (const Moments& group : groups) whole.merge(group);
    for (std::size_t out = 0; out < groups.size(); ++out) {
      Moments rest(rows.size(1));
      for (std::size_t i = 0; i < groups.size(); ++i)
        if (i != out) rest.merge(groups[i]);
      without.push_back(rest);
    }
  }
  Moments whole;
  std::vector<Moments> without;
};

}  // namespace

Estimate estimate_frechet(const Tensor& real, const Tensor& generated, std::int64_t ddof, bool paired) {
  if (std::min(real.size(0), generated.size(0)) < 2 * kGroups)
    throw Error("a jackknife of tenths needs at least " + std::to_string(2 * kGroups) + " rows a set, got " +
                std::to_string(real.size(0)) + " and " + std::to_string(generated.size(0)));
  check_pairing(real, generated, paired);
  const Parts of_real(real), of_generated(generated);
  const auto gaussians = [&](const Parts& parts) {
    std::vector<Gaussian> all;
    for (const Moments& rest : parts.without) all.push_back(rest.gaussian(ddof));
    all.push_back(parts.whole.gaussian(ddof));
    return all;
  };
  const std::vector<Gaussian> a = gaussians(of_real), b = gaussians(of_generated);
  const auto without = [](const std::vector<Gaussian>& all, std::size_t out) -> const Gaussian& {
    return out == kWhole ? all.back() : all[out];
  };
  return estimate_of([&](std::size_t i, std::size_t j) { return frechet_distance(without(a, i), without(b, j)); },
                     paired);
}

double frechet_at_infinity(const Gaussian& real, const Tensor& generated, const std::vector<Tensor>& subsets) {
  double x = 0, y = 0, xx = 0, xy = 0;
  for (const Tensor& subset : subsets) {
    Moments moments(generated.size(1));
    moments.add(generated.index_select(0, subset));
    const double inverse = 1.0 / static_cast<double>(subset.size(0));
    const double distance = frechet_distance(real, moments.gaussian());
    x += inverse;
    y += distance;
    xx += inverse * inverse;
    xy += inverse * distance;
  }
  const auto n = static_cast<double>(subsets.size());
  const double determinant = n * xx - x * x;
  if (!(determinant > 0)) throw Error("FD at infinity needs subsets of two sizes");
  return (xx * y - x * xy) / determinant;
}

}  // namespace cigli
