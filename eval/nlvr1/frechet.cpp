#include "eval/nlvr1/frechet.h"

#include <algorithm>
#include <cmath>
#include <opencv2/core.hpp>

#include "runtime/error.h"

namespace cigli {
namespace {

constexpr int width = static_cast<int>(nlvr1_features);

struct Normal {
  cv::Mat1d mean, covariance;
};

Normal normal_of(const std::vector<Nlvr1Features>& rows) {
  if (rows.empty()) throw Error("a Fréchet distance needs at least one box in each set");
  const auto n = static_cast<double>(rows.size());
  Normal normal{cv::Mat1d(width, 1, 0.0), cv::Mat1d(width, width, 0.0)};
  for (const Nlvr1Features& row : rows)
    for (int i = 0; i < width; ++i) normal.mean(i) += row[static_cast<std::size_t>(i)] / n;
  for (const Nlvr1Features& row : rows) {
    cv::Mat1d off(width, 1);
    for (int i = 0; i < width; ++i) off(i) = row[static_cast<std::size_t>(i)] - normal.mean(i);
    normal.covariance += off * off.t() / std::max(n - 1, 1.0);
  }
  return normal;
}

// Square roots of a symmetric matrix's eigenvalues, and its eigenvectors as rows.
std::pair<cv::Mat1d, cv::Mat1d> root_values(const cv::Mat1d& matrix) {
  cv::Mat1d values, vectors;
  cv::eigen((matrix + matrix.t()) / 2, values, vectors);
  for (double& value : values) value = std::sqrt(std::max(value, 0.0));
  return {values, vectors};
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
  const Normal one = normal_of(a), other = normal_of(b);
  const auto [roots, axes] = root_values(one.covariance);
  const cv::Mat1d root = axes.t() * cv::Mat::diag(roots) * axes;
  const cv::Mat1d product = root * other.covariance * root;
  const double cross = cv::sum(root_values(product).first)[0];
  const cv::Mat1d off = one.mean - other.mean;
  return std::max(0.0, off.dot(off) + cv::trace(one.covariance)[0] + cv::trace(other.covariance)[0] - 2 * cross);
}

}  // namespace cigli
