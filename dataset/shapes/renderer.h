#pragma once

#include <cstdint>
#include <opencv2/core.hpp>

#include "dataset/image.h"
#include "dataset/shapes/scene.h"

namespace cigli {

// The scene as a square image of `size` pixels a side, antialiased.
Image render(const Scene& scene, std::int64_t size);

// Share of each pixel of `window` (pixels of the image) that the shape covers, 0 .. 1; centre and radius in pixels,
// pixel (0, 0) reaching from 0 to 1.
cv::Mat1f coverage(Shape shape, double x, double y, double radius, const cv::Rect& window);

}  // namespace cigli
