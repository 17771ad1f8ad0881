#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_NO_STDIO
#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_ONLY_BMP
#include <stb_image.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "dataset/image.h"
#include "dataset/image_scan.h"
#include "runtime/error.h"
#include "runtime/files.h"

namespace cigli {
namespace {

// `channels`: 1 grey, 2 grey + alpha, 3 RGB, 4 RGBA.
Image to_rgb(const std::uint8_t* from, std::int64_t width, std::int64_t height, int channels,
             const std::uint8_t background[3]) {
  Image image(width, height);
  std::uint8_t* to = image.pixels.data();
  const bool colour = channels >= 3, has_alpha = channels % 2 == 0;
  if (channels == 3) {
    std::copy_n(from, image.pixels.size(), to);
    return image;
  }
  for (std::int64_t i = 0; i < width * height; ++i, from += channels, to += 3) {
    const int alpha = has_alpha ? from[channels - 1] : 255;
    for (int c = 0; c < 3; ++c) {
      const int value = from[colour ? c : 0];
      to[c] = static_cast<std::uint8_t>((value * alpha + background[c] * (255 - alpha) + 127) / 255);
    }
  }
  return image;
}

// EXIF 2.3, tag 0x0112: 1 as stored, 2 mirrored, 3 turned by 180, 4 flipped, 5 transposed, 6 to be turned right,
// 7 transversed, 8 to be turned left.
Image upright(Image image, int orientation) {
  if (orientation == 1) return image;
  const std::int64_t w = image.width, h = image.height;
  Image out(orientation >= 5 ? h : w, orientation >= 5 ? w : h);
  for (std::int64_t y = 0; y < out.height; ++y) {
    for (std::int64_t x = 0; x < out.width; ++x) {
      std::int64_t sx = orientation >= 5 ? y : x, sy = orientation >= 5 ? x : y;
      if (orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8) sx = w - 1 - sx;
      if (orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7) sy = h - 1 - sy;
      const std::uint8_t* from = image.at(sx, sy);
      std::copy(from, from + 3, out.at(x, y));
    }
  }
  return out;
}

}  // namespace

Image decode_image(std::string_view bytes, const std::string& name, const DecodeOptions& options) {
  const ImageHead head = scan_image(bytes, name, options.max_megapixels, ScanDepth::whole);
  if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()))
    throw Error(name + ": larger than 2 GB, expected a smaller image file");
  int width = 0, height = 0, channels = 0;
  const std::unique_ptr<stbi_uc, void (*)(void*)> pixels(
      stbi_load_from_memory(reinterpret_cast<const stbi_uc*>(bytes.data()), static_cast<int>(bytes.size()), &width,
                            &height, &channels, 0),
      stbi_image_free);
  if (!pixels) throw Error(name + ": damaged image (" + stbi_failure_reason() + ")");
  if (width != head.width || height != head.height) throw Error(name + ": damaged image (two different sizes)");
  return upright(to_rgb(pixels.get(), width, height, channels, options.background), head.orientation);
}

Image read_image(const std::filesystem::path& file, const DecodeOptions& options) {
  return decode_image(read_file(file), file.string(), options);
}

ImageSize read_image_size(const std::filesystem::path& file, const DecodeOptions& options) {
  const MappedFile mapped(file);
  const ImageHead head = scan_image(mapped.bytes(), file.string(), options.max_megapixels, ScanDepth::head);
  ImageSize size{head.width, head.height};
  if (head.orientation >= 5) std::swap(size.width, size.height);
  return size;
}

}  // namespace cigli
