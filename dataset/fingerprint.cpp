#include "dataset/fingerprint.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <vector>

namespace cigli {
namespace {

constexpr int kSide = 32;  // of the reduced image
constexpr int kCells = 8;  // a side

// One of kSide equal parts of a side: the pixels that lie in it, and how much of each does.
struct Part {
  int from = 0;
  std::vector<float> shares;
};

std::vector<Part> parts_of(std::int64_t side) {
  const double step = static_cast<double>(side) / kSide;
  std::vector<Part> parts(kSide);
  for (int i = 0; i < kSide; ++i) {
    const double from = i * step, until = (i + 1) * step;
    parts[static_cast<std::size_t>(i)].from = static_cast<int>(from);
    for (int at = static_cast<int>(from); at < std::min<double>(std::ceil(until), static_cast<double>(side)); ++at)
      parts[static_cast<std::size_t>(i)].shares.push_back(
          static_cast<float>((std::min(at + 1.0, until) - std::max<double>(at, from)) / step));
  }
  return parts;
}

// Area-weighted means of kSide x kSide parts of an image that has no fewer pixels a side. As resize makes them, in a
// fraction of the time: rows are added up whole, which vector instructions do.
Image area_means(const Image& image) {
  const std::vector<Part> across = parts_of(image.width), down = parts_of(image.height);
  Image out(kSide, kSide);
  std::vector<float> row(static_cast<std::size_t>(image.width) * 3);
  std::uint8_t* to = out.pixels.data();
  for (const Part& rows : down) {
    std::fill(row.begin(), row.end(), 0.0F);
    for (std::size_t k = 0; k < rows.shares.size(); ++k) {
      const std::uint8_t* pixels = image.at(0, rows.from + static_cast<std::int64_t>(k));
      const float share = rows.shares[k];
      for (std::size_t i = 0; i < row.size(); ++i) row[i] += share * static_cast<float>(pixels[i]);
    }
    for (const Part& columns : across) {
      float mean[3] = {0.5F, 0.5F, 0.5F};
      const float* from = &row[static_cast<std::size_t>(columns.from) * 3];
      for (const float share : columns.shares)
        for (int c = 0; c < 3; ++c) mean[c] += share * *from++;
      for (int c = 0; c < 3; ++c) *to++ = static_cast<std::uint8_t>(std::min(mean[c], 255.0F));
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
  constexpr int quarter = kCells * kCells / 4;
  for (int y = 0; y < kCells; ++y)
    for (int x = 0; x < kCells; ++x) {
      const std::uint8_t* cell = &print.cells[(y * kCells + x) * 3];
      const std::size_t quadrant = (y < kCells / 2 ? 0 : 2) + (x < kCells / 2 ? 0 : 1);
      print.moments[quadrant * 2] += (0.299F * cell[0] + 0.587F * cell[1] + 0.114F * cell[2]) / quarter;
      print.moments[quadrant * 2 + 1] += static_cast<float>(cell[0] - cell[2]) / (2 * quarter);
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
