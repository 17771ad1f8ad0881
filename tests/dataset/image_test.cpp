#include "dataset/image.h"

#include <gtest/gtest.h>

#include <cmath>
#include <opencv2/imgcodecs.hpp>

#include "runtime/error.h"
#include "samples.h"

namespace cigli {
namespace {

cv::Mat to_bgr(const Image& image) {
  cv::Mat mat(static_cast<int>(image.height), static_cast<int>(image.width), CV_8UC3);
  for (int y = 0; y < mat.rows; ++y)
    for (int x = 0; x < mat.cols; ++x)
      for (int c = 0; c < 3; ++c) mat.at<cv::Vec3b>(y, x)[2 - c] = image.at(x, y)[c];
  return mat;
}

std::string encode(const std::string& extension, const cv::Mat& mat) {
  std::vector<std::uint8_t> bytes;
  cv::imencode(extension, mat, bytes, {cv::IMWRITE_JPEG_QUALITY, 98});
  return {bytes.begin(), bytes.end()};
}

std::string error_of_bytes(const std::string& bytes) {
  return error_of([&] { decode_image(bytes, "x.img"); });
}

void expect_pixel(const Image& image, std::int64_t x, std::int64_t y, int r, int g, int b, int tolerance = 0) {
  EXPECT_NEAR(image.at(x, y)[0], r, tolerance) << x << "," << y;
  EXPECT_NEAR(image.at(x, y)[1], g, tolerance) << x << "," << y;
  EXPECT_NEAR(image.at(x, y)[2], b, tolerance) << x << "," << y;
}

double worst_difference(const Image& a, const Image& b) {
  int worst = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) worst = std::max(worst, std::abs(a.pixels[i] - b.pixels[i]));
  return worst;
}

// An APP1 segment that carries one EXIF entry, in either byte order.
std::string exif(int orientation, bool little) {
  const char o = static_cast<char>(orientation);
  const std::string tiff =
      little ? std::string("II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0", 18) + o + std::string(7, '\0')
             : std::string("MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0", 19) + o + std::string(6, '\0');
  return std::string("Exif\0\0", 6) + tiff;
}

std::string with_exif(const std::string& jpeg, const std::string& exif) {
  const auto length = static_cast<std::uint16_t>(exif.size() + 2);
  return jpeg.substr(0, 2) + "\xff\xe1" + static_cast<char>(length >> 8) + static_cast<char>(length & 255) + exif +
         jpeg.substr(2);
}

TEST(Image, DecodesPngAndBmpExactly) {
  const Image image = sample_image(13, 7);
  EXPECT_EQ(decode_image(encode(".png", to_bgr(image)), "a.png"), image);
  EXPECT_EQ(decode_image(encode(".bmp", to_bgr(image)), "a.bmp"), image);
}

TEST(Image, DecodesJpegClosely) {
  const Image image = sample_image(48, 32);
  const Image back = decode_image(encode(".jpg", to_bgr(image)), "a.jpg");
  ASSERT_EQ(back.width, 48);
  ASSERT_EQ(back.height, 32);
  EXPECT_LE(worst_difference(image, back), 12);
}

TEST(Image, Decodes16BitAndGrey) {
  cv::Mat deep(1, 2, CV_16UC3);
  deep.at<cv::Vec3w>(0, 0) = {0x1234, 0x8000, 0xffff};  // blue, green, red
  deep.at<cv::Vec3w>(0, 1) = {0, 0, 0};
  expect_pixel(decode_image(encode(".png", deep), "a.png"), 0, 0, 255, 128, 18, 1);
  cv::Mat grey(1, 2, CV_8UC1);
  grey.at<std::uint8_t>(0, 0) = 77;
  grey.at<std::uint8_t>(0, 1) = 200;
  const Image image = decode_image(encode(".png", grey), "a.png");
  expect_pixel(image, 0, 0, 77, 77, 77);
  expect_pixel(image, 1, 0, 200, 200, 200);
}

TEST(Image, DecodesPalettesOfFewBits) {
  const std::string palette = png_chunk("PLTE", std::string("\xff\0\0\0\xff\0\0\0\xff", 9));
  const Image image = decode_image(make_png(4, 1, 2, 3, {"\x18"}, palette), "a.png");  // 0 1 2 0
  expect_pixel(image, 0, 0, 255, 0, 0);
  expect_pixel(image, 1, 0, 0, 255, 0);
  expect_pixel(image, 2, 0, 0, 0, 255);
  expect_pixel(image, 3, 0, 255, 0, 0);
}

TEST(Image, LaysAlphaOverTheBackground) {
  cv::Mat mat(1, 3, CV_8UC4);
  mat.at<cv::Vec4b>(0, 0) = {10, 20, 30, 255};
  mat.at<cv::Vec4b>(0, 1) = {10, 20, 30, 0};
  mat.at<cv::Vec4b>(0, 2) = {0, 0, 0, 128};
  const std::string bytes = encode(".png", mat);
  const Image white = decode_image(bytes, "a.png");
  expect_pixel(white, 0, 0, 30, 20, 10);
  expect_pixel(white, 1, 0, 255, 255, 255);
  expect_pixel(white, 2, 0, 127, 127, 127);
  DecodeOptions blue;
  blue.background[0] = blue.background[1] = 0;
  expect_pixel(decode_image(bytes, "a.png", blue), 1, 0, 0, 0, 255);

  const std::string chunks =
      png_chunk("PLTE", std::string("\xff\0\0\0\xff\0", 6)) + png_chunk("tRNS", std::string(1, 0));
  const Image palette = decode_image(make_png(2, 1, 8, 3, {std::string("\0\1", 2)}, chunks), "a.png");
  expect_pixel(palette, 0, 0, 255, 255, 255);
  expect_pixel(palette, 1, 0, 0, 255, 0);
}

// Where the stored top-left corner (dark) must lie once shown, by EXIF orientation.
TEST(Image, AppliesExifOrientation) {
  Image stored(32, 16, 255);
  for (int y = 0; y < 8; ++y)
    for (int x = 0; x < 8; ++x) stored.at(x, y)[0] = stored.at(x, y)[1] = stored.at(x, y)[2] = 0;
  for (int y = 0; y < 8; ++y)
    for (int x = 24; x < 32; ++x) stored.at(x, y)[1] = stored.at(x, y)[2] = 0;  // top right: red
  const std::string jpeg = encode(".jpg", to_bgr(stored));
  const struct {
    int orientation, dark_x, dark_y, red_x, red_y;
  } expected[] = {{1, 0, 0, 1, 0}, {2, 1, 0, 0, 0}, {3, 1, 1, 0, 1}, {4, 0, 1, 1, 1},
                  {5, 0, 0, 0, 1}, {6, 1, 0, 1, 1}, {7, 1, 1, 1, 0}, {8, 0, 1, 0, 0}};
  TemporaryFolder folder;
  for (const auto& e : expected)
    for (const bool little : {false, true}) {
      SCOPED_TRACE(e.orientation);
      const std::string bytes = with_exif(jpeg, exif(e.orientation, little));
      const Image image = decode_image(bytes, "a.jpg");
      EXPECT_EQ(image.width, e.orientation >= 5 ? 16 : 32);
      const auto corner = [](std::int64_t side, int far) { return far ? side - 3 : 2; };
      expect_pixel(image, corner(image.width, e.dark_x), corner(image.height, e.dark_y), 0, 0, 0, 40);
      expect_pixel(image, corner(image.width, e.red_x), corner(image.height, e.red_y), 255, 0, 0, 60);
      write_bytes(folder / "a.jpg", bytes);
      EXPECT_EQ(read_image_size(folder / "a.jpg").width, image.width);
      EXPECT_EQ(read_image_size(folder / "a.jpg").height, image.height);
    }
}

TEST(Image, DamagedExifIsPassedOver) {
  const std::string jpeg = encode(".jpg", to_bgr(sample_image(32, 16)));
  const std::string good = exif(6, true);
  for (std::size_t size = 6; size < good.size(); ++size)
    EXPECT_EQ(decode_image(with_exif(jpeg, good.substr(0, size)), "a.jpg").width, size >= 28 ? 16 : 32) << size;
  std::string far = good;
  far[13] = '\x7f';  // the directory's offset points far behind the end
  EXPECT_EQ(decode_image(with_exif(jpeg, far), "a.jpg").width, 32);
}

TEST(Image, EveryTruncationIsAnError) {
  for (const std::string extension : {".png", ".jpg", ".bmp"}) {
    const std::string bytes = encode(extension, to_bgr(sample_image(40, 30)));
    for (std::size_t size = 0; size < bytes.size(); size += 1 + size / 64)
      EXPECT_NE(error_of_bytes(bytes.substr(0, size)), "") << extension << " cut to " << size;
    EXPECT_NE(error_of_bytes(bytes.substr(0, bytes.size() - 1)), "") << extension;
    EXPECT_EQ(error_of_bytes(bytes), "") << extension;
  }
}

TEST(Image, FlippedBitOfAPngIsAnError) {
  const std::string bytes = encode(".png", to_bgr(sample_image(20, 20)));
  for (std::size_t at = 8; at < bytes.size(); at += 7) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 4);
    EXPECT_NE(error_of_bytes(damaged), "") << at;
  }
}

TEST(Image, NoDamageEndsTheProcess) {
  for (const std::string extension : {".png", ".jpg", ".bmp"}) {
    const std::string bytes = encode(extension, to_bgr(sample_image(24, 24)));
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << at % 8));
      error_of([&] { decode_image(damaged, "x", {1}); });
    }
  }
}

TEST(Image, HugeHeaderIsRefusedBeforeDecoding) {
  const std::string message = error_of_bytes(make_png(60000, 60000, 8, 2, {}));
  EXPECT_NE(message.find("60000x60000"), std::string::npos) << message;
  EXPECT_NE(message.find("at most 64 MP"), std::string::npos) << message;
  const std::string bare = make_png(60000, 60000, 8, 2, {}).substr(0, 33);
  EXPECT_NE(error_of_bytes(bare).find("60000x60000"), std::string::npos);
  EXPECT_EQ(error_of([&] { decode_image(encode(".png", to_bgr(sample_image(100, 100))), "x", {0.01}); }), "");
  EXPECT_NE(error_of([&] { decode_image(encode(".png", to_bgr(sample_image(101, 100))), "x", {0.01}); }), "");
}

// The pixel data of a PNG in `parts` chunks instead of one.
std::string with_split_data(const std::string& png, int parts) {
  const std::size_t at = png.find("IDAT") - 4;
  std::size_t length = 0;
  for (std::size_t i = at; i < at + 4; ++i) length = length << 8 | static_cast<std::uint8_t>(png[i]);
  std::string chunks;
  for (int k = 0; k < parts; ++k) {
    const std::size_t begin = length * k / parts, end = length * (k + 1) / parts;
    chunks += png_chunk("IDAT", png.substr(at + 8 + begin, end - begin));
  }
  return png.substr(0, at) + chunks + png.substr(at + 12 + length);
}

TEST(Image, PixelsThatInflateBeyondTheHeaderAreRefused) {
  const std::vector<std::string> rows(1, std::string(80 << 20, '\0'));  // 80 MiB, 80 kB deflated, for an 8x8 image
  const std::string bomb = make_png(8, 8, 8, 2, rows);
  for (const int parts : {1, 5})
    EXPECT_NE(error_of_bytes(with_split_data(bomb, parts)).find("larger than its header says"), std::string::npos);
  std::string lax = bomb;  // a window size that zlib refuses and stb_image passes over
  const std::size_t zlib = lax.find("IDAT") + 4;
  lax[zlib] = '\x88';
  lax[zlib + 1] = '\x1c';
  const std::string damaged = with_split_data(lax, 1);  // with right checksums
  EXPECT_NE(error_of_bytes(damaged).find("can't be inflated"), std::string::npos);
}

TEST(Image, LargePngsPass) {
  Image noise(200, 200);
  std::uint32_t state = 1;
  for (auto& value : noise.pixels) value = static_cast<std::uint8_t>((state = state * 1664525 + 1013904223) >> 24);
  const std::string bytes = encode(".png", to_bgr(noise));
  ASSERT_GT(bytes.size(), std::size_t{100} << 10);
  EXPECT_EQ(decode_image(bytes, "noise.png").pixels, noise.pixels);
  EXPECT_EQ(decode_image(with_split_data(bytes, 7), "noise.png").pixels, noise.pixels);
}

TEST(Image, ErrorsNameTheFile) {
  TemporaryFolder folder;
  write_bytes(folder / "empty.png", "");
  write_bytes(folder / "text.png", "hello, world");
  for (const std::string name : {"empty.png", "text.png", "absent.png"}) {
    EXPECT_THROW(read_image(folder / name), Error) << name;
    EXPECT_THROW(read_image_size(folder / name), Error) << name;
    EXPECT_NE(error_of([&] { read_image(folder / name); }).find(name), std::string::npos);
  }
}

// Anti-aliasing in closed form: 4x4 blocks of known mean shrink to that mean.
TEST(Image, ShrinkingAverages) {
  Image image(8, 4);
  for (std::int64_t y = 0; y < 4; ++y)
    for (std::int64_t x = 0; x < 8; ++x) image.at(x, y)[0] = (x + y) % 2 == 0 ? 200 : 100;
  const Image small = resize(image, 2, 1);
  expect_pixel(small, 0, 0, 150, 0, 0);
  expect_pixel(small, 1, 0, 150, 0, 0);
}

TEST(Image, ResizeKeepsConstantsAndShapes) {
  const Image grey(30, 20, 90);
  for (const auto& [w, h] : {std::pair{10, 7}, {60, 40}, {60, 7}, {10, 40}, {30, 20}, {1, 1}}) {
    const Image out = resize(grey, w, h);
    EXPECT_EQ(out, Image(w, h, 90));
  }
  const Image image = sample_image(30, 20);
  EXPECT_EQ(resize(image, 30, 20), image);
  EXPECT_THROW(resize(image, 0, 5), Error);
}

TEST(Image, CenterCropTakesTheMiddle) {
  Image image(30, 10, 10);
  for (std::int64_t y = 0; y < 10; ++y)
    for (std::int64_t x = 10; x < 20; ++x) image.at(x, y)[0] = image.at(x, y)[1] = image.at(x, y)[2] = 240;
  EXPECT_EQ(center_crop(image, 10, 10), Image(10, 10, 240));
  EXPECT_EQ(center_crop(image, 5, 5), Image(5, 5, 240));
  EXPECT_EQ(center_crop(image, 60, 20).width, 60);
}

TEST(Image, LetterboxKeepsTheAspect) {
  const std::uint8_t background[3] = {1, 2, 3};
  const Image out = letterbox(Image(20, 10, 200), 16, 16, background);
  for (std::int64_t y = 0; y < 16; ++y)
    for (std::int64_t x = 0; x < 16; ++x) {
      if (y >= 4 && y < 12)
        expect_pixel(out, x, y, 200, 200, 200);
      else
        expect_pixel(out, x, y, 1, 2, 3);
    }
}

}  // namespace
}  // namespace cigli
