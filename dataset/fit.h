#pragma once

#include <cstdint>

#include "dataset/image.h"

namespace cigli {

// The image as a model of this shape sees it, in training and afterwards: resized, or, when its aspect differs,
// letterboxed on the median colour of its own border.
Image fit(const Image& image, std::int64_t width, std::int64_t height);

}  // namespace cigli
