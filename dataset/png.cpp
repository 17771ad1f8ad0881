#include <zlib.h>

#include <fstream>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "dataset/image.h"
#include "dataset/image_scan.h"
#include "runtime/error.h"
#include "runtime/files.h"
#include "runtime/text.h"

namespace cigli {
namespace {

constexpr std::size_t kHeaderEnd = 8 + 12 + 13;              // signature and IHDR: text chunks go behind them
constexpr std::size_t kLongestText = std::size_t{16} << 20;  // of a compressed chunk, against decompression bombs

bool is_plain(std::string_view text) {
  for (const char c : text)
    if (c < 0x20 || c > 0x7e) return false;
  return true;
}

void append_big(std::string& to, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) to += static_cast<char>(value >> shift & 0xff);
}

void append_chunk(std::string& to, std::string_view type, const std::string& data) {
  append_big(to, static_cast<std::uint32_t>(data.size()));
  const std::size_t from = to.size();
  to.append(type).append(data);
  append_big(to, static_cast<std::uint32_t>(crc32(crc32(0, nullptr, 0), reinterpret_cast<const Bytef*>(&to[from]),
                                                  static_cast<uInt>(to.size() - from))));
}

// PNG specification 1.2, section 4.2.3: keywords are 1-79 printable characters without spaces at the ends or in a row.
void check_text(const std::string& keyword, const std::string& text) {
  if (keyword.empty() || keyword.size() > 79 || !is_plain(keyword) || keyword.front() == ' ' || keyword.back() == ' ' ||
      keyword.find("  ") != std::string::npos)
    throw Error("PNG text keyword \"" + keyword + "\": expected 1-79 printable ASCII characters, single inner spaces");
  if (text.find('\0') != std::string::npos || invalid_utf8(text) != std::string_view::npos)
    throw Error("PNG text \"" + keyword + "\": expected UTF-8 without NUL");
}

std::string inflate_text(std::string_view data, const std::string& name) {
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) throw Error(name + ": no memory to inflate a PNG text chunk");
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  std::string out;
  char buffer[16384];
  int status = Z_OK;
  while (status == Z_OK && out.size() <= kLongestText) {
    stream.next_out = reinterpret_cast<Bytef*>(buffer);
    stream.avail_out = sizeof buffer;
    status = inflate(&stream, Z_NO_FLUSH);
    out.append(buffer, sizeof buffer - stream.avail_out);
  }
  inflateEnd(&stream);
  if (status != Z_STREAM_END) throw Error(name + ": damaged or too long compressed PNG text chunk");
  return out;
}

std::string latin1_to_utf8(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (code >= 0x80) out += static_cast<char>(0xc0 | code >> 6);
    out += code < 0x80 ? c : static_cast<char>(0x80 | (code & 0x3f));
  }
  return out;
}

// What stands behind a chunk's keyword.
std::string text_of(std::string_view type, std::string_view rest, const std::string& name) {
  if (type == "tEXt") return latin1_to_utf8(rest);
  const Error broken(name + ": broken " + std::string(type) + " chunk");
  if (type == "zTXt") {
    if (rest.empty() || rest[0] != 0) throw broken;  // 0 = deflate, the only method there is
    return latin1_to_utf8(inflate_text(rest.substr(1), name));
  }
  if (rest.size() < 4 || static_cast<unsigned char>(rest[0]) > 1 || rest[1] != 0) throw broken;
  const bool compressed = rest[0] == 1;
  rest.remove_prefix(2);
  for (int field = 0; field < 2; ++field) {  // language tag, translated keyword
    const std::size_t end = rest.find('\0');
    if (end == std::string_view::npos) throw broken;
    rest.remove_prefix(end + 1);
  }
  std::string text = compressed ? inflate_text(rest, name) : std::string(rest);
  if (invalid_utf8(text) != std::string_view::npos) throw broken;
  return text;
}

}  // namespace

std::string encode_png(const Image& image, const TextChunks& text) {
  if (image.width < 1 || image.height < 1) throw Error("can't write an empty image as PNG, expected at least 1x1");
  const cv::Mat rgb(static_cast<int>(image.height), static_cast<int>(image.width), CV_8UC3,
                    const_cast<std::uint8_t*>(image.pixels.data()));
  cv::Mat bgr;
  cv::cvtColor(rgb, bgr, cv::COLOR_RGB2BGR);
  std::vector<std::uint8_t> bytes;
  if (!cv::imencode(".png", bgr, bytes)) throw Error("can't encode a PNG");
  std::string chunks;
  for (const auto& [keyword, value] : text) {
    check_text(keyword, value);
    const std::string head = keyword + '\0';
    if (is_plain(value))
      append_chunk(chunks, "tEXt", head + value);
    else
      append_chunk(chunks, "iTXt", head + std::string(4, '\0') + value);  // not compressed, no language, no translation
  }
  std::string out(bytes.begin(), bytes.end());
  return out.insert(kHeaderEnd, chunks);
}

void write_png(const std::filesystem::path& file, const Image& image, const TextChunks& text) {
  write_file(file, encode_png(image, text));
}

void write_png_unsynced(const std::filesystem::path& file, const Image& image) {
  const std::string bytes = encode_png(image);
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  out.close();
  if (!out) throw Error("cannot write " + file.string() + ": disk full or folder read-only");
}

TextChunks read_png_text(const std::filesystem::path& file) {
  const std::string bytes = read_file(file), name = file.string();
  TextChunks text;
  visit_png_chunks(bytes, name, true, [&](std::string_view type, std::string_view data) {
    if (type != "tEXt" && type != "zTXt" && type != "iTXt") return true;
    const std::size_t end = data.find('\0');
    if (end == std::string_view::npos || end == 0 || end > 79)
      throw Error(name + ": broken " + std::string(type) + " chunk");
    text[latin1_to_utf8(data.substr(0, end))] = text_of(type, data.substr(end + 1), name);
    return true;
  });
  return text;
}

}  // namespace cigli
