#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace cigli {

enum class ImageFormat { png, jpeg, bmp };

// What the container of an image says, before any pixel is decoded.
struct ImageHead {
  ImageFormat format = ImageFormat::png;
  std::int64_t width = 0, height = 0;  // as stored
  int orientation = 1;                 // EXIF 0x0112: 1..8, 1 = as stored
};

enum class ScanDepth { head, whole };

// Walks the container. Size is checked against `max_megapixels` as soon as it is known; with ScanDepth::whole a cut or
// damaged container (no end marker, wrong PNG checksum, PNG pixels that inflate beyond the size, too few BMP rows) is
// an error too, since decoders fill what is missing with grey. Throws Error with `name` in front.
ImageHead scan_image(std::string_view bytes, const std::string& name, double max_megapixels, ScanDepth depth);

// Calls `visit(type, data)` for each chunk of a PNG up to and with IEND, until it returns false. Throws Error when
// there is no signature, a chunk runs past the end, or IEND is missing; with `checksums` also for a wrong CRC.
using PngVisitor = std::function<bool(std::string_view type, std::string_view data)>;
void visit_png_chunks(std::string_view bytes, const std::string& name, bool checksums, const PngVisitor& visit);

}  // namespace cigli
