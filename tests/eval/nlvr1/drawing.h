#pragma once

#include <opencv2/imgproc.hpp>

#include "dataset/image.h"
#include "eval/nlvr1/box.h"

namespace cigli {

inline cv::Mat3b nlvr1_canvas() { return cv::Mat3b(400, 400, cv::Vec3b(211, 211, 211)); }  // four pixels a hundredth

inline void draw(cv::Mat3b& canvas, const Nlvr1Item& item) {
  const cv::Scalar paint = item.colour == Nlvr1Colour::black    ? cv::Scalar(0, 0, 0)
                           : item.colour == Nlvr1Colour::yellow ? cv::Scalar(255, 255, 0)
                                                                : cv::Scalar(0, 153, 255);
  const int x = static_cast<int>(4 * item.x), y = static_cast<int>(4 * item.y), side = static_cast<int>(4 * item.size);
  if (item.shape == Nlvr1Shape::square)
    cv::rectangle(canvas, cv::Rect(x, y, side, side), paint, cv::FILLED);
  else if (item.shape == Nlvr1Shape::circle)
    cv::circle(canvas, {x + side / 2, y + side / 2}, side / 2, paint, cv::FILLED);
  else
    cv::fillConvexPoly(
        canvas, std::vector<cv::Point>{{x + side / 2, y}, {x + side - 1, y + side - 1}, {x, y + side - 1}}, paint);
}

inline Image image_of(const cv::Mat3b& canvas, std::int64_t side) {
  Image image(canvas.cols, canvas.rows);
  std::copy_n(canvas.ptr<std::uint8_t>(), image.pixels.size(), image.pixels.data());
  return resize(image, side, side);
}

inline Image drawn(const Nlvr1Box& box, std::int64_t side) {
  cv::Mat3b canvas = nlvr1_canvas();
  for (const Nlvr1Item& item : box) draw(canvas, item);
  return image_of(canvas, side);
}

// A tower of these blocks, from the base.
inline Nlvr1Box tower(const std::vector<Nlvr1Colour>& colours) {
  Nlvr1Box blocks;
  for (const Nlvr1Colour colour : colours)
    blocks.push_back({40, 80 - 21.0 * static_cast<double>(blocks.size()), 20, Nlvr1Shape::square, colour});
  return blocks;
}

}  // namespace cigli
