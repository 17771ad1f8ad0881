#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "dataset/image.h"
#include "tests/temporary_folder.h"

namespace cigli {

inline void write_bytes(const std::filesystem::path& file, const std::string& bytes) {
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << bytes;
}

// A smooth picture whose corners differ, so that turned, mirrored or swapped channels show.
inline Image sample_image(std::int64_t width, std::int64_t height, int variant = 0) {
  Image image(width, height);
  for (std::int64_t y = 0; y < height; ++y)
    for (std::int64_t x = 0; x < width; ++x) {
      image.at(x, y)[0] = static_cast<std::uint8_t>(255 * x / width);
      image.at(x, y)[1] = static_cast<std::uint8_t>(255 * y / height);
      image.at(x, y)[2] = static_cast<std::uint8_t>(40 * variant + 20);
    }
  return image;
}

// A PNG put together by hand: `rows` are the raw bytes of each row, `chunks` stand between IHDR and IDAT.
std::string png_chunk(const std::string& type, const std::string& data);
std::string make_png(std::uint32_t width, std::uint32_t height, int depth, int colour,
                     const std::vector<std::string>& rows, const std::string& chunks = "");

}  // namespace cigli
