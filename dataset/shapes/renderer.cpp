#include "dataset/shapes/renderer.h"

#include <cmath>
#include <opencv2/imgproc.hpp>
#include <vector>

namespace cigli {
namespace {

constexpr int samples = 8;  // a pixel and axis
constexpr int shift = 4;    // fractional bits of the polygon's corners

}  // namespace

cv::Mat1f coverage(Shape shape, double x, double y, double radius, const cv::Rect& window) {
  std::vector<cv::Point> corners;
  for (const Point& p : outline(shape)) {
    // fillPoly counts from pixel centres, hence the half.
    const double px = (x + radius * p.x - window.x) * samples - 0.5, py = (y + radius * p.y - window.y) * samples - 0.5;
    corners.emplace_back(cvRound(px * (1 << shift)), cvRound(py * (1 << shift)));
  }
  cv::Mat1b fine(window.height * samples, window.width * samples, uchar{0});
  cv::fillPoly(fine, std::vector<std::vector<cv::Point>>{corners}, cv::Scalar(255), cv::LINE_8, shift);
  cv::Mat1b coarse;
  cv::resize(fine, coarse, window.size(), 0, 0, cv::INTER_AREA);
  cv::Mat1f share;
  coarse.convertTo(share, CV_32F, 1 / 255.0);
  return share;
}

Image render(const Scene& scene, std::int64_t size) {
  Image image(size, size);
  for (std::int64_t i = 0; i < size * size; ++i)
    for (int c = 0; c < 3; ++c) image.pixels[static_cast<std::size_t>(i * 3 + c)] = scene.background[c];
  const double scale = size / scene_side;
  for (const Object& object : scene.objects) {
    const double x = object.x * scale, y = object.y * scale, radius = object.radius * scale;
    const int extent = static_cast<int>(std::ceil(radius * reach(object.shape))) + 1;
    const cv::Rect around(static_cast<int>(x) - extent, static_cast<int>(y) - extent, 2 * extent + 1, 2 * extent + 1);
    const cv::Rect window = around & cv::Rect(0, 0, static_cast<int>(size), static_cast<int>(size));
    if (window.empty()) continue;
    const cv::Mat1f share = coverage(object.shape, x, y, radius, window);
    const Rgb paint = rgb(object.colour);
    for (int row = 0; row < window.height; ++row)
      for (int column = 0; column < window.width; ++column) {
        std::uint8_t* pixel = image.at(window.x + column, window.y + row);
        const float part = share(row, column);
        for (int c = 0; c < 3; ++c)
          pixel[c] = static_cast<std::uint8_t>(std::lround(pixel[c] + part * (float(paint[c]) - float(pixel[c]))));
      }
  }
  return image;
}

}  // namespace cigli
