#pragma once

#include <array>
#include <cstdint>

#include "dataset/image.h"

namespace cigli {

// What is kept of an image to know it again after scaling, recompression or a change of format.
struct Fingerprint {
  // A perceptual hash before it is rounded: of each quadrant the mean of the grey image and half the mean of red minus
  // blue. The signs of many cosine coefficients (Zauner 2010), the usual choice, are noise where an image is smooth;
  // these few means are not.
  std::array<float, 8> moments{};
  std::array<std::uint8_t, 8 * 8 * 3> cells{};  // means of 8x8 cells, RGB
  std::int32_t width = 0, height = 0;           // of the whole image
  bool blank = false;                           // no cell of 32x32 differs from the mean by more than 2 of 255
};

Fingerprint fingerprint(const Image& image);

// Whether the images may be the same picture, by what was kept of them: moments at most kMomentDistance apart, cells at
// most kCellDistance of 255, aspects at most 3 %.
constexpr float kMomentDistance = 3;
constexpr int kCellDistance = 12;
bool may_be_same(const Fingerprint& a, const Fingerprint& b);

// Whether they are: at 32x32, no channel of a cell differs by more than 40 of 255, and the root mean square over all is
// at most 8. Copies that were scaled or compressed stay below; where an object of the synthetic world has moved, gone
// or changed its colour, the difference is above.
bool are_same_picture(const Image& a, const Image& b);

}  // namespace cigli
