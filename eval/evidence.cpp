#include "eval/evidence.h"

#include <torch/torch.h>

#include <limits>

namespace cigli {

using torch::Tensor;

namespace {

// Scores of all draws beside each other, [S,D*N,K] float64, less the own target's; 0 where there is no candidate.
Tensor centred(const std::vector<Tensor>& scores) {
  const Tensor all = torch::stack(scores).to(torch::kFloat64).flatten(1, 2);
  return (all - all.narrow(2, 0, 1)).masked_fill(all.isinf(), 0);
}

// Log of the candidates' probabilities [R,K], -inf where there is no candidate: scores [S,R,K] as centred() makes them.
Tensor log_probabilities(const Tensor& scores, const Tensor& missing, const Tensor& weights) {
  return torch::einsum("s,srk->rk", {weights, scores})
      .masked_fill(missing, -std::numeric_limits<double>::infinity())
      .log_softmax(1);
}

Tensor missing_in(const std::vector<Tensor>& scores) { return scores.front().flatten(0, 1).isinf(); }

}  // namespace

std::vector<double> pool_weights(const std::vector<Tensor>& scores) {
  const torch::NoGradGuard no_gradients;
  const Tensor all = centred(scores), missing = missing_in(scores);
  const auto count = static_cast<std::int64_t>(scores.size());
  const auto draws = static_cast<double>(scores.front().size(0));  // of the same rows, which count once
  Tensor prior = torch::zeros({count}, torch::kFloat64);
  prior[0] = 1;
  const auto cost = [&](const Tensor& weights) {
    const double likelihood = log_probabilities(all, missing, weights).select(1, 0).sum().item<double>() / draws;
    return (weights - prior).square().sum().item<double>() / 2 - likelihood;
  };
  // Newton's method with a line search; the cost is convex.
  Tensor weights = prior.clone();
  double lowest = cost(weights);
  for (int round = 0; round < 50; ++round) {
    const Tensor shares = log_probabilities(all, missing, weights).exp();
    const Tensor means = torch::einsum("rk,srk->sr", {shares, all});
    const Tensor gradient = means.sum(1) / draws + weights - prior;
    const Tensor curvature = (torch::einsum("rk,srk,trk->st", {shares, all, all}) - means.matmul(means.t())) / draws +
                             torch::eye(count, torch::kFloat64);
    const Tensor step = torch::cholesky_solve(gradient.unsqueeze(1), torch::linalg_cholesky(curvature)).squeeze(1);
    double length = 1, found = cost(weights - step);
    while (!(found < lowest) && length > 1e-6) {
      length /= 2;
      found = cost(weights - length * step);
    }
    if (!(found < lowest)) break;
    const bool settled = lowest - found < 1e-9 * (1 + lowest);
    weights = weights - length * step;
    lowest = found;
    if (settled) break;
  }
  const double* values = weights.data_ptr<double>();
  return {values, values + count};
}

std::vector<Evidence> pooled_evidence(const std::vector<Tensor>& scores, const std::vector<double>& weights) {
  const torch::NoGradGuard no_gradients;
  const Tensor missing = missing_in(scores);
  const Tensor logs = log_probabilities(centred(scores), missing, torch::tensor(weights, torch::kFloat64));
  const std::int64_t draws = scores.front().size(0), rows = scores.front().size(1);
  const auto by_draw = [&](const Tensor& values) { return values.view({draws, rows}).mean(0).contiguous(); };
  const Tensor nats = by_draw(logs.select(1, 0) + missing.logical_not().sum(1).to(torch::kFloat64).log());
  const Tensor highest = logs == logs.amax(1, true);
  const Tensor first = by_draw(highest.select(1, 0).to(torch::kFloat64) / highest.sum(1));
  std::vector<Evidence> all;
  for (std::int64_t row = 0; row < rows; ++row)
    all.push_back({nats.data_ptr<double>()[row], first.data_ptr<double>()[row]});
  return all;
}

}  // namespace cigli
