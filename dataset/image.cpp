#include "dataset/image.h"

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

#include "dataset/image_view.h"
#include "runtime/error.h"

namespace cigli {
namespace {

void check_shape(const Image& image, std::int64_t width, std::int64_t height) {
  if (image.width < 1 || image.height < 1 || width < 1 || height < 1)
    throw Error("can't resize " + std::to_string(image.width) + "x" + std::to_string(image.height) + " to " +
                std::to_string(width) + "x" + std::to_string(height) + ", expected at least 1x1");
}

// Each axis by its own rule: area weights where it shrinks, then bicubic where it grows.
void resize_into(const cv::Mat& from, cv::Mat to) {
  const cv::Size shrunk(std::min(from.cols, to.cols), std::min(from.rows, to.rows));
  cv::Mat middle = from;
  if (shrunk != from.size()) cv::resize(from, middle, shrunk, 0, 0, cv::INTER_AREA);
  if (shrunk != to.size())
    cv::resize(middle, to, to.size(), 0, 0, cv::INTER_CUBIC);
  else
    middle.copyTo(to);
}

}  // namespace

Image resize(const Image& image, std::int64_t width, std::int64_t height) {
  check_shape(image, width, height);
  Image out(width, height);
  resize_into(view(image), view(out));
  return out;
}

Image center_crop(const Image& image, std::int64_t width, std::int64_t height) {
  check_shape(image, width, height);
  const double scale = std::min(static_cast<double>(image.width) / static_cast<double>(width),
                                static_cast<double>(image.height) / static_cast<double>(height));
  const auto side = [scale](std::int64_t wanted, std::int64_t most) {
    return std::clamp<std::int64_t>(std::llround(static_cast<double>(wanted) * scale), 1, most);
  };
  const std::int64_t w = side(width, image.width), h = side(height, image.height);
  const cv::Rect part(static_cast<int>((image.width - w) / 2), static_cast<int>((image.height - h) / 2),
                      static_cast<int>(w), static_cast<int>(h));
  Image out(width, height);
  resize_into(view(image)(part), view(out));
  return out;
}

Image letterbox(const Image& image, std::int64_t width, std::int64_t height, const std::uint8_t background[3]) {
  check_shape(image, width, height);
  const double scale = std::min(static_cast<double>(width) / static_cast<double>(image.width),
                                static_cast<double>(height) / static_cast<double>(image.height));
  const auto side = [scale](std::int64_t whole, std::int64_t most) {
    return std::clamp<std::int64_t>(std::llround(static_cast<double>(whole) * scale), 1, most);
  };
  const std::int64_t w = side(image.width, width), h = side(image.height, height);
  Image out(width, height);
  cv::Mat canvas = view(out);
  canvas.setTo(cv::Scalar(background[0], background[1], background[2]));
  const cv::Rect part(static_cast<int>((width - w) / 2), static_cast<int>((height - h) / 2), static_cast<int>(w),
                      static_cast<int>(h));
  resize_into(view(image), canvas(part));
  return out;
}

}  // namespace cigli
