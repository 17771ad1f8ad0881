#include "samples.h"

#include <zlib.h>

namespace cigli {
namespace {

std::string big(std::uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
          static_cast<char>(value)};
}

}  // namespace

std::string png_chunk(const std::string& type, const std::string& data) {
  const std::string body = type + data;
  const auto sum = crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()));
  return big(static_cast<std::uint32_t>(data.size())) + body + big(static_cast<std::uint32_t>(sum));
}

std::string make_png(std::uint32_t width, std::uint32_t height, int depth, int colour,
                     const std::vector<std::string>& rows, const std::string& chunks) {
  const std::string kind = {static_cast<char>(depth), static_cast<char>(colour), 0, 0, 0};
  std::string raw;
  for (const std::string& row : rows) raw += '\0' + row;
  std::string packed(compressBound(raw.size()), '\0');
  uLongf size = packed.size();
  compress(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(raw.data()), raw.size());
  packed.resize(size);
  return "\x89PNG\r\n\x1a\n" + png_chunk("IHDR", big(width) + big(height) + kind) + chunks + png_chunk("IDAT", packed) +
         png_chunk("IEND", "");
}

}  // namespace cigli
