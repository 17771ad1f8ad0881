#include "eval/metrics/frechet.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "runtime/error.h"

namespace cigli {

using torch::Tensor;

namespace {

// log |det root|, or nothing where it isn't at hand: the root is no upper triangle, or singular.
std::optional<double> log_determinant(const Tensor& root) {
  if (root.size(0) != root.size(1) || root.tril(-1).count_nonzero().item<std::int64_t>() != 0) return {};
  const double found = root.diagonal().abs().log().sum().item<double>();
  return std::isfinite(found) ? std::optional(found) : std::nullopt;
}

// tr (S1 S2)^1/2: the sum of the singular values of root1 root2^T. Eigenvalues of that product's square take a third of
// the time. Rounding moves them by about epsilon times the largest, which the smallest may not bear; but then they miss
// the determinant that the triangles of the roots tell, to which the smallest give as much as the largest.
double trace_of_root(const Tensor& root_a, const Tensor& root_b) {
  const Tensor product = root_a.matmul(root_b.t());
  if (const auto a = log_determinant(root_a), b = log_determinant(root_b); a && b) {
    const Tensor squares = torch::linalg_eigvalsh(product.matmul(product.t()));
    constexpr double most_apart = 1e-3;  // the sum of all eigenvalues' relative errors
    if (squares[0].item<double>() > 0 && std::abs(squares.log().sum().item<double>() - 2 * (*a + *b)) < most_apart)
      return squares.sqrt().sum().item<double>();
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
  terms.trace_root = trace_of_root(a.root, b.root);
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
