#include "dataset/picture_groups.h"

#include <gtest/gtest.h>

#include <cmath>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "dataset/shapes/renderer.h"
#include "dataset/shapes/sample.h"
#include "runtime/error.h"
#include "runtime/philox.h"
#include "samples.h"

namespace cigli {
namespace {

// A photograph's like: smooth colours, some edges, a little noise.
Image photograph(std::uint64_t seed, std::int64_t width = 160, std::int64_t height = 120) {
  Philox random(seed);
  Image image(width, height);
  double wave[3][3];
  for (auto& channel : wave)
    for (double& w : channel) w = random.uniform() * 6;
  const auto edge = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(width / 2)));
  for (std::int64_t y = 0; y < height; ++y)
    for (std::int64_t x = 0; x < width; ++x)
      for (int c = 0; c < 3; ++c) {
        const double u = static_cast<double>(x) / static_cast<double>(width);
        const double v = static_cast<double>(y) / static_cast<double>(height);
        const double value = 120 + 60 * std::sin(wave[c][0] * 2 * u + wave[c][1]) + 40 * std::cos(wave[c][2] * 2 * v) +
                             (x > edge ? 30 : 0) + 4 * random.uniform();
        image.at(x, y)[c] = static_cast<std::uint8_t>(std::clamp(value, 0.0, 255.0));
      }
  return image;
}

Image as_jpeg(const Image& image, int quality) {
  cv::Mat bgr;
  cv::cvtColor(cv::Mat(static_cast<int>(image.height), static_cast<int>(image.width), CV_8UC3,
                       const_cast<std::uint8_t*>(image.pixels.data())),
               bgr, cv::COLOR_RGB2BGR);
  std::vector<std::uint8_t> bytes;
  cv::imencode(".jpg", bgr, bytes, {cv::IMWRITE_JPEG_QUALITY, quality});
  return decode_image({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, "jpeg");
}

std::vector<std::int64_t> groups_of(const std::vector<Image>& images) {
  PictureGroups groups([&](std::int64_t i) { return images[static_cast<std::size_t>(i)]; });
  std::vector<std::int64_t> result;
  result.reserve(images.size());
  for (const Image& image : images) result.push_back(groups.add(fingerprint(image)));
  return result;
}

TEST(Fingerprint, SurvivesScalingAndCompression) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    const Image image = photograph(seed);
    for (const Image& copy : {resize(image, 80, 60), resize(image, 320, 240), as_jpeg(image, 40), as_jpeg(image, 85)}) {
      EXPECT_TRUE(may_be_same(fingerprint(image), fingerprint(copy))) << seed;
      EXPECT_TRUE(are_same_picture(image, copy)) << seed;
    }
    const Image other = photograph(seed + 1000);
    EXPECT_FALSE(may_be_same(fingerprint(image), fingerprint(other)) && are_same_picture(image, other)) << seed;
    EXPECT_FALSE(may_be_same(fingerprint(image), fingerprint(resize(image, 160, 160)))) << "another aspect";
  }
}

// Cells are area-weighted means, whatever the size: a ramp's are its values at their middles.
TEST(Fingerprint, CellsAreMeansOfTheirArea) {
  for (const auto& [width, height] : {std::pair<std::int64_t, std::int64_t>{64, 64}, {97, 45}, {640, 480}, {33, 501}}) {
    Image ramp(width, height);
    for (std::int64_t y = 0; y < height; ++y)
      for (std::int64_t x = 0; x < width; ++x) {
        ramp.at(x, y)[0] =
            static_cast<std::uint8_t>(std::lround((static_cast<double>(x) + 0.5) / static_cast<double>(width) * 255));
        ramp.at(x, y)[1] =
            static_cast<std::uint8_t>(std::lround((static_cast<double>(y) + 0.5) / static_cast<double>(height) * 255));
        ramp.at(x, y)[2] = 77;
      }
    const Fingerprint print = fingerprint(ramp);
    for (std::size_t y = 0; y < 8; ++y)
      for (std::size_t x = 0; x < 8; ++x) {
        const std::uint8_t* cell = &print.cells[(y * 8 + x) * 3];
        EXPECT_NEAR(cell[0], (static_cast<double>(x) + 0.5) / 8 * 255, 1.1) << width << " " << x;
        EXPECT_NEAR(cell[1], (static_cast<double>(y) + 0.5) / 8 * 255, 1.1) << height << " " << y;
        EXPECT_EQ(cell[2], 77);
      }
  }
}

TEST(Fingerprint, BlankIsOneColourWithinNoise) {
  Image image(64, 48, 200);
  EXPECT_TRUE(fingerprint(image).blank);
  image.at(3, 3)[0] = 202;
  EXPECT_TRUE(fingerprint(image).blank);
  for (std::int64_t y = 10; y < 14; ++y)
    for (std::int64_t x = 10; x < 14; ++x) image.at(x, y)[1] = 150;
  EXPECT_FALSE(fingerprint(image).blank);
}

TEST(PictureGroups, CopiesJoinTheFirst) {
  const Image a = photograph(1), b = photograph(2);
  EXPECT_EQ(groups_of({a, b, a, as_jpeg(b, 50), resize(a, 80, 60), photograph(3)}),
            (std::vector<std::int64_t>{0, 1, 0, 1, 0, 5}));
  EXPECT_EQ(groups_of({Image(32, 32, 9), Image(32, 32, 9)}), (std::vector<std::int64_t>{0, 1}));  // blank
}

// Every change that a sentence of the synthetic world asks for makes another picture.
TEST(PictureGroups, AChangedObjectIsAnotherPicture) {
  const World& world = world_named("shapes-64");
  int told_apart = 0;
  for (std::int64_t i = 0; i < 300; ++i) {
    const Sample sample = make_sample(world, "train", 5, i);
    const Image prompt = render(sample.prompt, 64), target = render(sample.target, 64);
    told_apart += !are_same_picture(prompt, target);
  }
  EXPECT_EQ(told_apart, 300);
}

}  // namespace
}  // namespace cigli
