#include <gtest/gtest.h>
#include <zlib.h>

#include <opencv2/imgcodecs.hpp>

#include "dataset/image.h"
#include "runtime/error.h"
#include "runtime/files.h"
#include "samples.h"

namespace cigli {
namespace {

std::string deflated(const std::string& text) {
  std::string packed(compressBound(text.size()), '\0');
  uLongf size = packed.size();
  compress(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(text.data()), text.size());
  return packed.substr(0, size);
}

class PngText : public testing::Test {
 protected:
  TextChunks read(const std::string& chunks) {
    write_bytes(folder_ / "a.png", make_png(1, 1, 8, 0, {std::string(1, 0)}, chunks));
    return read_png_text(folder_ / "a.png");
  }
  TemporaryFolder folder_;
};

TEST(Png, PixelsSurvive) {
  const Image image = sample_image(33, 17);
  EXPECT_EQ(decode_image(encode_png(image), "a.png"), image);
  EXPECT_EQ(decode_image(encode_png(image, {{"text", "a b"}, {"seed", "7"}}), "a.png"), image);
  EXPECT_EQ(encode_png(image), encode_png(image));
  EXPECT_THROW(encode_png(Image()), Error);
}

TEST(Png, OtherReadersTakeItWithText) {
  const Image image = sample_image(9, 5);
  const std::string bytes = encode_png(image, {{"text", "Größe 中文"}, {"seed", "7"}});
  const cv::Mat mat = cv::imdecode(std::vector<char>(bytes.begin(), bytes.end()), cv::IMREAD_COLOR);  // libpng
  ASSERT_EQ(mat.cols, 9);
  ASSERT_EQ(mat.rows, 5);
  EXPECT_EQ(mat.at<cv::Vec3b>(4, 8)[2], image.at(8, 4)[0]);
}

TEST_F(PngText, RoundTrip) {
  const TextChunks text = {{"text", "there is a red circle"},
                           {"umlaut", "Größe → 中文"},
                           {"lines", "one\ntwo"},
                           {"empty", ""},
                           {"long", std::string(100000, 'x')}};
  write_png(folder_ / "b.png", sample_image(4, 4), text);
  EXPECT_EQ(read_png_text(folder_ / "b.png"), text);
  const std::string bytes = read_file(folder_ / "b.png");
  EXPECT_NE(bytes.find("tEXttext"), std::string::npos);
  EXPECT_NE(bytes.find("iTXtumlaut"), std::string::npos);
  EXPECT_NE(bytes.find("iTXtlines"), std::string::npos);
}

TEST_F(PngText, ReadsEveryKindOfChunk) {
  const std::string nul(1, '\0');
  const std::string chunks = png_chunk("tEXt", "a" + nul + "caf\xe9") +
                             png_chunk("zTXt", "b" + nul + nul + deflated("packed \xe9")) +
                             png_chunk("iTXt", "c" + nul + "\1" + nul + "de" + nul + "Wort" + nul + deflated("zwölf")) +
                             png_chunk("iTXt", "d" + nul + nul + nul + nul + nul + "plain ü");
  const TextChunks expected = {{"a", "café"}, {"b", "packed é"}, {"c", "zwölf"}, {"d", "plain ü"}};
  EXPECT_EQ(read(chunks), expected);
}

TEST_F(PngText, BrokenChunksAreErrors) {
  const std::string nul(1, '\0');
  EXPECT_THROW(read(png_chunk("tEXt", "no end")), Error);
  EXPECT_THROW(read(png_chunk("tEXt", nul + "no keyword")), Error);
  EXPECT_THROW(read(png_chunk("zTXt", "a" + nul + nul + "not deflated")), Error);
  EXPECT_THROW(read(png_chunk("zTXt", "a" + nul + nul + deflated(std::string(1000, 'y')).substr(0, 9))), Error);
  EXPECT_THROW(read(png_chunk("zTXt", "a" + nul)), Error);
  EXPECT_THROW(read(png_chunk("iTXt", "a" + nul + nul)), Error);
  EXPECT_THROW(read(png_chunk("iTXt", "a" + nul + nul + nul + "de")), Error);
  EXPECT_THROW(read(png_chunk("iTXt", "a" + nul + nul + nul + nul + nul + "\xff")), Error);
  EXPECT_THROW(read(png_chunk("zTXt", "bomb" + nul + nul + deflated(std::string(20 << 20, '0')))), Error);
}

TEST_F(PngText, OtherFilesAreErrors) {
  write_bytes(folder_ / "c.png", "no image");
  EXPECT_THROW(read_png_text(folder_ / "c.png"), Error);
  EXPECT_THROW(read_png_text(folder_ / "absent.png"), Error);
  write_bytes(folder_ / "d.png", encode_png(sample_image(4, 4), {{"a", "b"}}).substr(0, 60));
  EXPECT_THROW(read_png_text(folder_ / "d.png"), Error);
}

TEST(Png, RefusesTextThatReadersWouldNotTake) {
  const Image image = sample_image(2, 2);
  for (const std::string keyword : {"", " a", "a ", "a  b", "\xc3\xa4"})
    EXPECT_THROW(encode_png(image, {{keyword, "x"}}), Error) << keyword;
  EXPECT_THROW(encode_png(image, {{std::string(80, 'k'), "x"}}), Error);
  EXPECT_NO_THROW(encode_png(image, {{std::string(79, 'k'), "x"}}));
  EXPECT_THROW(encode_png(image, {{"a", std::string("x\0y", 3)}}), Error);
  EXPECT_THROW(encode_png(image, {{"a", "\xff"}}), Error);
}

}  // namespace
}  // namespace cigli
