#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "decoder/generator.h"

namespace cigli {

// Images of some requests.
using DrawImages = std::function<torch::Tensor(const std::vector<Request>&)>;

// The images [B,3,H,W] of all requests, drawn so many at once as the device's memory holds: at most `most`, which falls
// to half, with a warning on stderr, where it runs out of memory. Throws Error where not even one fits.
torch::Tensor draw_fitting(const DrawImages& draw, const std::vector<Request>& requests, std::int64_t& most);

}  // namespace cigli
