#include "eval/nlvr1/fit.h"

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

namespace cigli {
namespace {

constexpr int rows_a_pixel = 4;
constexpr std::array<double, nlvr1_kinds> sizes = {10, 20, 30};

// Horizontal extent of the shape at a height of 0 (top) to 1 (bottom) of its square, as shares of the square's side.
std::pair<double, double> extent(Nlvr1Shape shape, double height) {
  if (shape == Nlvr1Shape::square) return {0, 1};
  const double half =
      shape == Nlvr1Shape::triangle ? height / 2 : std::sqrt(std::max(0.0, 0.25 - (height - 0.5) * (height - 0.5)));
  return {0.5 - half, 0.5 + half};
}

// Pixels of the item that lie outside the window that `ideal` covers.
double hidden(const Nlvr1Item& item, double scale, const cv::Mat1f& ideal) {
  constexpr std::array<double, nlvr1_kinds> filled = {CV_PI / 4, 1, 0.5};
  const double whole = filled[static_cast<std::size_t>(item.shape)] * std::pow(item.size * scale, 2);
  return std::max(0.0, whole - cv::sum(ideal)[0]);
}

double overlap(const cv::Mat1f& a, const cv::Mat1f& b, double outside) {
  const double all = cv::sum(cv::max(a, b))[0] + outside;
  return all > 0 ? cv::sum(cv::min(a, b))[0] / all : 0;
}

// A drawn blob may be softer than a sharp shape: the better of both.
double soft_overlap(const cv::Mat1f& amount, const cv::Mat1f& ideal, double outside) {
  cv::Mat1f soft;
  cv::GaussianBlur(ideal, soft, {0, 0}, 0.8);
  return std::max(overlap(amount, ideal, outside), overlap(amount, soft, outside));
}

// Moves the item by ever smaller steps to where `score` is highest.
template <class Score>
double climb(Nlvr1Item& item, double scale, Score score) {
  double best = score(item);
  for (double step = 1 / scale; step > 0.2 / scale; step /= 2)
    for (bool moved = true; moved;) {
      moved = false;
      for (const auto& [dx, dy] : {std::pair{1, 0}, {-1, 0}, {0, 1}, {0, -1}}) {
        Nlvr1Item other = item;
        other.x += dx * step;
        other.y += dy * step;
        const double found = score(other);
        if (found <= best) continue;
        best = found;
        item = other;
        moved = true;
      }
    }
  return best;
}

// What a further item adds: the colour it covers, less twice what it covers of anything else.
double gain(const cv::Mat1f& left, const Nlvr1Item& item, double scale, const cv::Rect& window) {
  const cv::Mat1f ideal = coverage(item, scale, window);
  return 3 * ideal.dot(left) - 2 * (cv::sum(ideal)[0] + hidden(item, scale, ideal));
}

// The item that adds most anywhere in the window.
Nlvr1Item next_item(const cv::Mat1f& left, double scale, const cv::Rect& window, double& most) {
  Nlvr1Item best;
  most = 0;
  for (int shape = 0; shape < nlvr1_kinds; ++shape)
    for (const double size : sizes)
      for (double y = window.y; y + size * scale <= window.br().y + 1; ++y)
        for (double x = window.x; x + size * scale <= window.br().x + 1; ++x) {
          const Nlvr1Item item{x / scale, y / scale, size, static_cast<Nlvr1Shape>(shape)};
          const double found = gain(left, item, scale, window);
          if (found <= most) continue;
          most = found;
          best = item;
        }
  if (most > 0) most = climb(best, scale, [&](const Nlvr1Item& item) { return gain(left, item, scale, window); });
  return best;
}

// What the items but one cover.
cv::Mat1f others_cover(const std::vector<Nlvr1Fit>& fits, std::size_t but, double scale, const cv::Rect& window) {
  cv::Mat1f all(window.size(), 0.0F);
  for (std::size_t i = 0; i < fits.size(); ++i)
    if (i != but) all = cv::max(all, coverage(fits[i].item, scale, window));
  return all;
}

}  // namespace

cv::Mat1f coverage(const Nlvr1Item& item, double scale, const cv::Rect& window) {
  cv::Mat1f share(window.size(), 0.0F);
  const double side = item.size * scale, left = item.x * scale - window.x, top = item.y * scale - window.y;
  const int first = std::max(0, static_cast<int>(std::floor(top))),
            last = std::min(window.height, static_cast<int>(std::ceil(top + side)));
  for (int y = first; y < last; ++y)
    for (int row = 0; row < rows_a_pixel; ++row) {
      const double height = (y + (row + 0.5) / rows_a_pixel - top) / side;
      if (height < 0 || height > 1) continue;
      const auto [from, to] = extent(item.shape, height);
      const double begin = left + from * side, end = left + to * side;
      const int stop = std::min(window.width, static_cast<int>(std::ceil(end)));
      for (int x = std::max(0, static_cast<int>(std::floor(begin))); x < stop; ++x)
        share(y, x) +=
            static_cast<float>(std::max(0.0, std::min(end, x + 1.0) - std::max(begin, double(x))) / rows_a_pixel);
    }
  return share;
}

Nlvr1Fit fit_item(const cv::Mat1f& amount, double scale, const cv::Rect& window) {
  const cv::Moments moments = cv::moments(amount);
  Nlvr1Fit best;
  if (moments.m00 <= 0) return best;
  const double centre_x = (moments.m10 / moments.m00 + 0.5 + window.x) / scale,
               centre_y = (moments.m01 / moments.m00 + 0.5 + window.y) / scale;
  for (int kind = 0; kind < nlvr1_kinds; ++kind)
    for (const double size : sizes) {
      const auto shape = static_cast<Nlvr1Shape>(kind);
      const double below = shape == Nlvr1Shape::triangle ? 2.0 / 3 : 0.5;  // of the centre of mass, from the top
      Nlvr1Item item{centre_x - size / 2, centre_y - below * size, size, shape};
      const double found = climb(item, scale, [&](const Nlvr1Item& other) {
        const cv::Mat1f ideal = coverage(other, scale, window);
        return soft_overlap(amount, ideal, hidden(other, scale, ideal));
      });
      if (found > best.overlap) best = {item, found};
    }
  return best;
}

std::vector<Nlvr1Fit> fit_items(const cv::Mat1f& amount, double scale, const cv::Rect& window) {
  constexpr std::size_t most_items = 8;
  const double least = 0.6 * 50 * scale * scale;  // of the smallest triangle
  cv::Mat1f left = amount.clone();
  std::vector<Nlvr1Fit> found;
  while (found.size() < most_items && cv::sum(left)[0] > least) {
    double most = 0;
    const Nlvr1Item item = next_item(left, scale, window, most);
    if (most < least) break;
    left = cv::max(left - coverage(item, scale, window), 0);
    found.push_back({item, 0});
  }
  // Each was found without knowing those after it.
  for (std::size_t i = 0; i < found.size() && found.size() > 1; ++i) {
    const cv::Mat1f own = cv::max(amount - others_cover(found, i, scale, window), 0);
    found[i] = fit_item(own, scale, window);
  }
  double least_overlap = soft_overlap(amount, others_cover(found, found.size(), scale, window), 0);
  if (found.size() > 1)
    for (const Nlvr1Fit& fit : found) least_overlap = std::min(least_overlap, fit.overlap);
  for (Nlvr1Fit& fit : found) fit.overlap = least_overlap;
  return found;
}

}  // namespace cigli
