#include "dataset/image_scan.h"

#include <zlib.h>

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "runtime/error.h"

namespace cigli {
namespace {

constexpr std::string_view kPngSignature("\x89PNG\r\n\x1a\n", 8);

std::uint8_t byte(std::string_view bytes, std::size_t at) { return static_cast<std::uint8_t>(bytes[at]); }

std::uint32_t big(std::string_view bytes, std::size_t at, int count) {
  std::uint32_t value = 0;
  for (int i = 0; i < count; ++i) value = value << 8 | byte(bytes, at + i);
  return value;
}

std::uint32_t little(std::string_view bytes, std::size_t at, int count) {
  std::uint32_t value = 0;
  for (int i = count - 1; i >= 0; --i) value = value << 8 | byte(bytes, at + i);
  return value;
}

[[noreturn]] void fail_truncated(const std::string& name, std::string_view format, const std::string& missing) {
  throw Error(name + ": truncated or damaged " + std::string(format) + " file (" + missing + ")");
}

void check_size(const ImageHead& head, const std::string& name, double max_megapixels) {
  const std::string size = std::to_string(head.width) + "x" + std::to_string(head.height) + " pixels";
  if (head.width < 1 || head.height < 1) throw Error(name + ": " + size + ", expected at least 1x1");
  const double megapixels = static_cast<double>(head.width) * static_cast<double>(head.height) / 1e6;
  if (megapixels > max_megapixels) {
    char text[96];
    std::snprintf(text, sizeof text, " (%.4g MP), expected at most %.4g MP", megapixels, max_megapixels);
    throw Error(name + ": " + size + text);
  }
}

// Orientation from a TIFF block as EXIF carries it; 1 when it names none or is damaged.
int tiff_orientation(std::string_view tiff) {
  if (tiff.size() < 8) return 1;
  const bool is_little = tiff.substr(0, 2) == "II";
  if (!is_little && tiff.substr(0, 2) != "MM") return 1;
  const auto number = [&](std::size_t at, int count) {
    return is_little ? little(tiff, at, count) : big(tiff, at, count);
  };
  if (number(2, 2) != 42) return 1;
  const std::uint64_t directory = number(4, 4);
  if (directory + 2 > tiff.size()) return 1;
  const std::uint32_t entries = number(directory, 2);
  for (std::uint32_t i = 0; i < entries; ++i) {
    const std::uint64_t entry = directory + 2 + std::uint64_t{12} * i;
    if (entry + 12 > tiff.size()) return 1;
    if (number(entry, 2) != 0x0112) continue;
    const std::uint32_t value = number(entry + 8, 2);
    return number(entry + 2, 2) == 3 && value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

// Refuses pixel data that inflate to far more than `height` rows of `row` bytes can need: decoders inflate all of it
// before they look. `parts` are the contents of the IDAT chunks.
void check_inflated_size(const std::vector<std::string_view>& parts, std::uint64_t row, std::uint64_t height,
                         const std::string& name) {
  constexpr std::uint64_t harmless = 32 << 10, largest_ratio = 1032;  // deflate's; below `harmless` at most 34 MB
  std::uint64_t compressed = 0;
  for (const std::string_view part : parts) compressed += part.size();
  const std::uint64_t limit = 2 * (row + 1) * height + 4096;  // twice: interlacing rounds rows up
  if (compressed <= harmless || compressed * largest_ratio <= limit) return;

  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) throw Error(name + ": out of memory");
  std::vector<Bytef> scratch(1 << 16);
  std::uint64_t inflated = 0;
  int status = Z_OK;
  for (const std::string_view part : parts) {
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(part.data()));
    stream.avail_in = static_cast<uInt>(part.size());
    while (status == Z_OK && stream.avail_in > 0 && inflated <= limit) {
      stream.next_out = scratch.data();
      stream.avail_out = static_cast<uInt>(scratch.size());
      status = inflate(&stream, Z_NO_FLUSH);
      inflated += scratch.size() - stream.avail_out;
    }
  }
  inflateEnd(&stream);
  // What zlib refuses a laxer decoder might inflate without end.
  if (status != Z_OK && status != Z_STREAM_END) fail_truncated(name, "PNG", "its pixel data can't be inflated");
  if (inflated > limit) fail_truncated(name, "PNG", "its pixel data are larger than its header says");
}

ImageHead scan_png(std::string_view bytes, const std::string& name, double max_megapixels, ScanDepth depth) {
  // Size first: a bare header that promises gigapixels is refused for that, whatever else it lacks.
  if (bytes.size() < 33 || bytes.substr(12, 4) != "IHDR") fail_truncated(name, "PNG", "no IHDR chunk in front");
  ImageHead head;
  head.width = big(bytes, 16, 4);
  head.height = big(bytes, 20, 4);
  check_size(head, name, max_megapixels);
  std::vector<std::string_view> data;
  visit_png_chunks(bytes, name, depth == ScanDepth::whole, [&](std::string_view type, std::string_view content) {
    if (type == "IDAT") data.push_back(content);
    if (type == "eXIf") head.orientation = tiff_orientation(content);
    return true;
  });
  if (data.empty()) fail_truncated(name, "PNG", "no IDAT chunk");
  if (depth == ScanDepth::whole) {
    constexpr std::uint64_t samples[] = {1, 0, 3, 1, 2, 0, 4};  // a pixel, by colour type
    const std::uint64_t bits = byte(bytes, 24) * (byte(bytes, 25) < 7 ? samples[byte(bytes, 25)] : 0);
    const std::uint64_t row = (static_cast<std::uint64_t>(head.width) * bits + 7) / 8;
    check_inflated_size(data, row, static_cast<std::uint64_t>(head.height), name);
  }
  return head;
}

// Position of the next marker's code behind entropy-coded data or stray bytes: 0xFF, then neither 0x00 (a stuffed 0xFF)
// nor a restart marker.
std::size_t next_jpeg_marker(std::string_view bytes, std::size_t at) {
  for (at = bytes.find('\xff', at); at != std::string_view::npos; at = bytes.find('\xff', at)) {
    while (at < bytes.size() && byte(bytes, at) == 0xff) ++at;
    if (at == bytes.size()) break;
    const std::uint8_t code = byte(bytes, at);
    if (code != 0 && (code < 0xd0 || code > 0xd7)) return at;
  }
  return std::string_view::npos;
}

// Whether the tables of a DHT segment have at most 256 codes each and fill the segment: stb_image 2.27 writes past its
// own tables otherwise.
bool good_huffman_tables(std::string_view segment) {
  while (!segment.empty()) {
    if (segment.size() < 17) return false;
    std::size_t codes = 0;
    for (std::size_t i = 1; i < 17; ++i) codes += byte(segment, i);
    if (codes > 256 || 17 + codes > segment.size()) return false;
    segment.remove_prefix(17 + codes);
  }
  return true;
}

ImageHead scan_jpeg(std::string_view bytes, const std::string& name, double max_megapixels, ScanDepth depth) {
  ImageHead head;
  head.format = ImageFormat::jpeg;
  for (std::size_t at = next_jpeg_marker(bytes, 2); at != std::string_view::npos; at = next_jpeg_marker(bytes, at)) {
    const std::uint8_t code = byte(bytes, at++);
    if (code == 0xd9) {
      if (head.width == 0) fail_truncated(name, "JPEG", "no frame header");
      return head;
    }
    if (code == 0x01 || code == 0xd8) continue;
    if (at + 2 > bytes.size()) break;
    const std::size_t length = big(bytes, at, 2);
    if (length < 2 || at + length > bytes.size()) break;
    const std::string_view segment = bytes.substr(at + 2, length - 2);
    at += length;
    const bool frame = code >= 0xc0 && code <= 0xcf && code != 0xc4 && code != 0xc8 && code != 0xcc;
    if (code == 0xc4 && !good_huffman_tables(segment)) fail_truncated(name, "JPEG", "impossible Huffman table");
    if (frame) {
      if (segment.size() < 5 || head.width > 0) fail_truncated(name, "JPEG", "not one frame header");
      head.height = big(segment, 1, 2);
      head.width = big(segment, 3, 2);
      check_size(head, name, max_megapixels);
    } else if (code == 0xe1 && segment.substr(0, 6) == std::string_view("Exif\0\0", 6)) {
      head.orientation = tiff_orientation(segment.substr(6));
    } else if (code == 0xda && depth == ScanDepth::head && head.width > 0) {
      return head;
    }
  }
  fail_truncated(name, "JPEG", "it ends before its end marker");
}

ImageHead scan_bmp(std::string_view bytes, const std::string& name, double max_megapixels, ScanDepth depth) {
  ImageHead head;
  head.format = ImageFormat::bmp;
  const bool core = bytes.size() >= 26 && little(bytes, 14, 4) == 12;
  if (bytes.size() < (core ? 26U : 34U)) fail_truncated(name, "BMP", "it ends inside its header");
  if (core) {
    head.width = little(bytes, 18, 2);
    head.height = little(bytes, 20, 2);
  } else {
    head.width = static_cast<std::int32_t>(little(bytes, 18, 4));
    head.height = std::abs(static_cast<std::int64_t>(static_cast<std::int32_t>(little(bytes, 22, 4))));
  }
  check_size(head, name, max_megapixels);
  const std::uint64_t bits = little(bytes, core ? 24 : 28, 2);
  const std::uint64_t row = (static_cast<std::uint64_t>(head.width) * bits + 31) / 32 * 4;
  const std::uint64_t need = little(bytes, 10, 4) + row * static_cast<std::uint64_t>(head.height);
  if (depth == ScanDepth::whole && bytes.size() < need)
    fail_truncated(name, "BMP", std::to_string(bytes.size()) + " bytes, expected " + std::to_string(need));
  return head;
}

}  // namespace

void visit_png_chunks(std::string_view bytes, const std::string& name, bool checksums, const PngVisitor& visit) {
  if (bytes.substr(0, 8) != kPngSignature) throw Error(name + ": not a PNG file");
  for (std::size_t at = 8; at + 12 <= bytes.size();) {
    const std::uint64_t length = big(bytes, at, 4);
    if (length > bytes.size() - at - 12) break;
    const std::string_view type = bytes.substr(at + 4, 4), data = bytes.substr(at + 8, length);
    if (checksums) {
      const auto* from = reinterpret_cast<const Bytef*>(type.data());
      if (crc32(crc32(0, nullptr, 0), from, static_cast<uInt>(length + 4)) != big(bytes, at + 8 + length, 4))
        fail_truncated(name, "PNG", "wrong checksum of chunk at byte " + std::to_string(at));
    }
    if (!visit(type, data) || type == "IEND") return;
    at += 12 + length;
  }
  fail_truncated(name, "PNG", "it ends before its IEND chunk");
}

ImageHead scan_image(std::string_view bytes, const std::string& name, double max_megapixels, ScanDepth depth) {
  if (bytes.empty()) throw Error(name + ": empty file, expected a PNG, JPEG or BMP image");
  if (bytes.substr(0, 8) == kPngSignature) return scan_png(bytes, name, max_megapixels, depth);
  if (bytes.substr(0, 3) == "\xff\xd8\xff") return scan_jpeg(bytes, name, max_megapixels, depth);
  if (bytes.substr(0, 2) == "BM") return scan_bmp(bytes, name, max_megapixels, depth);
  throw Error(name + ": not a PNG, JPEG or BMP image");
}

}  // namespace cigli
