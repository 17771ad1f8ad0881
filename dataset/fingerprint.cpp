#include "dataset/fingerprint.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <vector>

namespace cigli {
namespace {

constexpr int kSide = 32;  // of the reduced image
constexpr int kCells = 8;  // a side

// How much of pixel `at` lies in [from, until).
float share(int at, double from, double until) {
  return static_cast<float>(std::min(at + 1.0, until) - std::max(static_cast<double>(at), from));
}

// Area-weighted means of kSide x kSide parts of an image that has no fewer pixels a side. As resize makes them, in a
// fraction of the time: rows are added up whole, which vector instructions do.
Image area_means(const Image& image) {
  const int width = static_cast<int>(image.width), height = static_cast<int>(image.height);
  const double across = static_cast<double>(width) / kSide, down = static_cast<double>(height) / kSide;
  Image out(kSide, kSide);
  std::vector<float> sums(static_cast<std::size_t>(width) * 3);
  for (int y = 0; y < kSide; ++y) {
    std::fill(sums.begin(), sums.end(), 0.0F);
    const int last = std::min(height, static_cast<int>(std::ceil((y + 1) * down)));
    for (int row = static_cast<int>(y * down); row < last; ++row) {
      const std::uint8_t* pixels = image.at(0, row);
      const float weight = share(row, y * down, (y + 1) * down);
      for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += weight * static_cast<float>(pixels[i]);
    }
    for (int x = 0; x < kSide; ++x) {
      float means[3] = {};
      const int end = std::min(width, static_cast<int>(std::ceil((x + 1) * across)));
      for (int column = static_cast<int>(x * across); column < end; ++column) {
        const float weight = share(column, x * across, (x + 1) * across);
        for (int c = 0; c < 3; ++c) means[c] += weight * sums[static_cast<std::size_t>(column * 3 + c)];
      }
      for (int c = 0; c < 3; ++c)
        out.at(x, y)[c] =
            static_cast<std::uint8_t>(std::clamp(means[c] / static_cast<float>(across * down) + 0.5F, 0.0F, 255.0F));
    }
  }
  return out;
}

Image reduced(const Image& image) {
  if (image.width == kSide && image.height == kSide) return image;
  if (image.width >= kSide && image.height >= kSide) return area_means(image);
  return resize(image, kSide, kSide);
}

bool is_blank(const Image& small) {
  int sums[3] = {};
  for (std::size_t i = 0; i < small.pixels.size(); ++i) sums[i % 3] += small.pixels[i];
  for (std::size_t i = 0; i < small.pixels.size(); ++i)
    if (std::abs(small.pixels[i] * kSide * kSide - sums[i % 3]) > 2 * kSide * kSide) return false;
  return true;
}

void fill_cells(Fingerprint& print, const Image& small) {
  constexpr int step = kSide / kCells;
  std::array<int, kCells * kCells * 3> sums{};
  for (int y = 0; y < kSide; ++y)
    for (int x = 0; x < kSide; ++x)
      for (int c = 0; c < 3; ++c) sums[((y / step) * kCells + x / step) * 3 + c] += small.at(x, y)[c];
  for (std::size_t i = 0; i < sums.size(); ++i)
    print.cells[i] = static_cast<std::uint8_t>((sums[i] + step * step / 2) / (step * step));
}

void fill_moments(Fingerprint& print) {
  constexpr int all = kCells * kCells, quarter = kCells / 4;
  for (int y = 0; y < kCells; ++y)
    for (int x = 0; x < kCells; ++x) {
      const std::uint8_t* cell = &print.cells[(y * kCells + x) * 3];
      for (int c = 0; c < 3; ++c) print.moments[c] += static_cast<float>(cell[c]) / all;
      const float grey = 0.299F * cell[0] + 0.587F * cell[1] + 0.114F * cell[2];
      const bool middle = x >= quarter && x < kCells - quarter && y >= quarter && y < kCells - quarter;
      print.moments[3] += (x < kCells / 2 ? grey : -grey) * 2 / all;
      print.moments[4] += (y < kCells / 2 ? grey : -grey) * 2 / all;
      print.moments[5] += (middle ? grey * 4 : -grey * 4 / 3) / all;
    }
}

}  // namespace

Fingerprint fingerprint(const Image& image) {
  const Image small = reduced(image);
  Fingerprint print;
  fill_cells(print, small);
  fill_moments(print);
  print.width = static_cast<std::int32_t>(image.width);
  print.height = static_cast<std::int32_t>(image.height);
  print.blank = is_blank(small);
  return print;
}

bool may_be_same(const Fingerprint& a, const Fingerprint& b) {
  const auto aspect = [](const Fingerprint& f) { return static_cast<float>(f.width) / static_cast<float>(f.height); };
  if (std::abs(aspect(a) - aspect(b)) > 0.03F * std::max(aspect(a), aspect(b))) return false;
  for (std::size_t i = 0; i < a.moments.size(); ++i)
    if (std::abs(a.moments[i] - b.moments[i]) > kMomentDistance) return false;
  for (std::size_t i = 0; i < a.cells.size(); ++i)
    if (std::abs(a.cells[i] - b.cells[i]) > kCellDistance) return false;
  return true;
}

bool are_same_picture(const Image& a, const Image& b) {
  const Image left = reduced(a), right = reduced(b);
  double squares = 0;
  for (std::size_t i = 0; i < left.pixels.size(); ++i) {
    const int difference = std::abs(left.pixels[i] - right.pixels[i]);
    if (difference > 40) return false;
    squares += difference * difference;
  }
  return squares <= 8.0 * 8.0 * static_cast<double>(left.pixels.size());
}

}  // namespace cigli
