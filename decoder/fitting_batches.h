#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "dataset/image.h"
#include "decoder/generator.h"

namespace cigli {

// Images of some requests.
using DrawImages = std::function<std::vector<Image>(const std::vector<Request>&)>;

// The images of all requests, drawn so many at once as the device's memory holds: at most `most`, which falls
// to half, with a warning on stderr, where it runs out of memory. Throws Error where not even one fits.
std::vector<Image> draw_fitting(const DrawImages& draw, const std::vector<Request>& requests, std::int64_t& most);

}  // namespace cigli
