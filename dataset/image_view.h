#pragma once

#include <opencv2/core.hpp>

#include "dataset/image.h"

namespace cigli {

// OpenCV's view [height, width] of three bytes of the same pixels; what only reads may use it on a const image.
inline cv::Mat view(const Image& image) {
  return cv::Mat(static_cast<int>(image.height), static_cast<int>(image.width), CV_8UC3,
                 const_cast<std::uint8_t*>(image.pixels.data()));
}

}  // namespace cigli
