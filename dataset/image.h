#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace cigli {

// RGB image, 8 bits a channel, rows from the top, pixels interleaved: pixels[(y * width + x) * 3 + c].
struct Image {
  std::int64_t width = 0, height = 0;
  std::vector<std::uint8_t> pixels;

  Image() = default;
  Image(std::int64_t w, std::int64_t h, std::uint8_t grey = 0)
      : width(w), height(h), pixels(static_cast<std::size_t>(w * h * 3), grey) {}
  std::uint8_t* at(std::int64_t x, std::int64_t y) { return pixels.data() + (y * width + x) * 3; }
  const std::uint8_t* at(std::int64_t x, std::int64_t y) const { return pixels.data() + (y * width + x) * 3; }
  bool operator==(const Image& o) const { return width == o.width && height == o.height && pixels == o.pixels; }
};

struct DecodeOptions {
  double max_megapixels = 64;                    // refuse larger images before decoding
  std::uint8_t background[3] = {255, 255, 255};  // what alpha is laid over
};

struct ImageSize {
  std::int64_t width = 0, height = 0;  // as shown, after EXIF orientation
};

// Decode PNG, JPEG or BMP: grey, palette, 16 bit and alpha come out as RGB8; EXIF orientation is applied. Dimensions
// are read and checked first. `name` stands in front of every message. Throws Error for empty, truncated, absurdly
// large or unknown data.
Image decode_image(std::string_view bytes, const std::string& name, const DecodeOptions& options = {});
Image read_image(const std::filesystem::path& file, const DecodeOptions& options = {});
// Dimensions alone, from the file's head; same errors.
ImageSize read_image_size(const std::filesystem::path& file, const DecodeOptions& options = {});

// Antialiased resize: area-weighted when shrinking, bicubic when growing; aspect is not kept.
Image resize(const Image& image, std::int64_t width, std::int64_t height);
// Largest centred part with the aspect width:height, then resize.
Image center_crop(const Image& image, std::int64_t width, std::int64_t height);
// Whole image scaled to fit, centred on `background` (RGB).
Image letterbox(const Image& image, std::int64_t width, std::int64_t height, const std::uint8_t background[3]);

// Text chunks of a PNG: keyword (1-79 Latin-1 characters) -> UTF-8 text; written as tEXt when pure printable ASCII,
// else iTXt.
using TextChunks = std::map<std::string, std::string>;
std::string encode_png(const Image& image, const TextChunks& text = {});
void write_png(const std::filesystem::path& file, const Image& image, const TextChunks& text = {});
// In place and without fsync, which costs 5-15 ms a file: for the thousands of images of a dataset, whose metadata
// comes last and as one step.
void write_png_unsynced(const std::filesystem::path& file, const Image& image);
// tEXt, zTXt and iTXt chunks of a PNG file; Error when it is no PNG or its chunks are broken.
TextChunks read_png_text(const std::filesystem::path& file);

}  // namespace cigli
