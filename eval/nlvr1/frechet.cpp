#include "eval/nlvr1/frechet.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "eval/metrics/frechet.h"
#include "runtime/error.h"

namespace cigli {
namespace {

Gaussian gaussian_of(const std::vector<Nlvr1Features>& rows) {
  if (rows.empty()) throw Error("a Fréchet distance needs at least one box in each set");
  torch::Tensor features = torch::empty({static_cast<std::int64_t>(rows.size()), nlvr1_features}, torch::kFloat64);
  double* to = features.data_ptr<double>();
  for (const Nlvr1Features& row : rows) to = std::copy(row.begin(), row.end(), to);
  Moments moments(nlvr1_features);
  moments.add(features);
  return moments.gaussian(rows.size() > 1 ? 1 : 0);
}

}  // namespace

Nlvr1Features features_of(const Nlvr1Box& box) {
  Nlvr1Features features{};
  double sum_x = 0, sum_y = 0;
  for (const Nlvr1Item& item : box) {
    features[static_cast<std::size_t>(item.colour) * nlvr1_kinds + static_cast<std::size_t>(item.shape)] += 1;
    features[9 + static_cast<std::size_t>(std::clamp(std::lround(item.size / 10), 1L, 3L) - 1)] += 1;
    sum_x += (item.x + item.size / 2) / 100;
    sum_y += (item.y + item.size / 2) / 100;
  }
  const auto n = static_cast<double>(box.size());
  features[12] = box.empty() ? 0.5 : sum_x / n;
  features[13] = box.empty() ? 0.5 : sum_y / n;
  return features;
}

double frechet_distance(const std::vector<Nlvr1Features>& a, const std::vector<Nlvr1Features>& b) {
  return frechet_distance(gaussian_of(a), gaussian_of(b));
}

}  // namespace cigli
