#include "eval/nlvr1/reader.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "runtime/error.h"
#include "tests/eval/nlvr1/drawing.h"
#include "tests/eval/nlvr1/release.h"

namespace cigli {
namespace {

using Kinds = std::map<std::pair<Nlvr1Colour, Nlvr1Shape>, int>;

Kinds kinds_of(const Nlvr1Box& box) {
  Kinds kinds;
  for (const Nlvr1Item& item : box) ++kinds[{item.colour, item.shape}];
  return kinds;
}

// Items of `box` that the reading has in the same colour, shape and size, with its middle within 2 hundredths.
int found_in(const Nlvr1Box& box, Nlvr1Box reading) {
  int found = 0;
  for (const Nlvr1Item& item : box)
    for (auto other = reading.begin(); other != reading.end(); ++other)
      if (other->colour == item.colour && other->shape == item.shape && other->size == item.size &&
          std::abs(other->x - item.x) < 2 && std::abs(other->y - item.y) < 2) {
        ++found;
        reading.erase(other);
        break;
      }
  return found;
}

Image right_box(const Image& three) {
  Image box(100, 100);
  for (std::int64_t y = 0; y < 100; ++y) std::copy_n(three.at(300, y), 300, box.at(0, y));
  return box;
}

void expect_read(const Nlvr1Box& box, std::int64_t side) {
  const Nlvr1Reading reading = read_nlvr1_box(drawn(box, side));
  EXPECT_TRUE(reading.unclear.empty()) << reading.unclear.front();
  EXPECT_EQ(reading.items.size(), box.size()) << side;
  EXPECT_EQ(found_in(box, reading.items), static_cast<int>(box.size())) << side;
}

class Nlvr1ReaderAt : public testing::TestWithParam<int> {};

TEST_P(Nlvr1ReaderAt, ReadsEveryKindOfItem) {
  for (int kind = 0; kind < 27; ++kind) {
    SCOPED_TRACE(kind);
    const double size = 10 + 10 * (kind / 9);
    expect_read({{13, 37, size, static_cast<Nlvr1Shape>(kind % 3), static_cast<Nlvr1Colour>(kind / 3 % 3)}},
                GetParam());
  }
}

TEST_P(Nlvr1ReaderAt, ReadsTowersOfOneAndOfSeveralColours) {
  constexpr auto black = Nlvr1Colour::black, yellow = Nlvr1Colour::yellow, blue = Nlvr1Colour::blue;
  for (const auto& colours : std::vector<std::vector<Nlvr1Colour>>{
           {yellow}, {black, black}, {blue, blue, blue, blue}, {black, yellow, yellow}, {blue, black, blue, yellow}}) {
    const Nlvr1Box box = tower(colours);
    expect_read(box, GetParam());
    EXPECT_TRUE(is_tower(read_nlvr1_box(drawn(box, GetParam())).items));
  }
}

TEST_P(Nlvr1ReaderAt, ReadsItemsInCornersAndOfTwoColoursThatTouch) {
  expect_read({{0, 0, 20, Nlvr1Shape::square, Nlvr1Colour::black},
               {20, 0, 30, Nlvr1Shape::circle, Nlvr1Colour::yellow},
               {80, 80, 20, Nlvr1Shape::triangle, Nlvr1Colour::blue},
               {60, 80, 20, Nlvr1Shape::square, Nlvr1Colour::yellow}},
              GetParam());
}

INSTANTIATE_TEST_SUITE_P(Sides, Nlvr1ReaderAt, testing::Values(40, 64, 100, 256));

TEST(Nlvr1Reader, TakesItemsOfOneColourApart) {
  expect_read(
      {{10, 40, 30, Nlvr1Shape::circle, Nlvr1Colour::blue}, {40, 45, 20, Nlvr1Shape::square, Nlvr1Colour::blue}}, 64);
  expect_read({{10, 40, 20, Nlvr1Shape::square, Nlvr1Colour::black},
               {30, 50, 10, Nlvr1Shape::square, Nlvr1Colour::black},
               {40, 40, 30, Nlvr1Shape::triangle, Nlvr1Colour::black}},
              64);
}

TEST(Nlvr1Reader, ABlankBoxHoldsNothing) {
  const Nlvr1Reading reading = read_nlvr1_box(drawn({}, 64));
  EXPECT_TRUE(reading.items.empty() && reading.unclear.empty());
}

TEST(Nlvr1Reader, WhatIsNoItemIsUnclear) {
  cv::Mat3b canvas = nlvr1_canvas();
  cv::rectangle(canvas, {20, 20, 300, 30}, cv::Scalar(0, 0, 0), cv::FILLED);         // a bar
  cv::rectangle(canvas, {40, 120, 80, 80}, cv::Scalar(255, 0, 0), cv::FILLED);       // red
  cv::rectangle(canvas, {240, 240, 80, 80}, cv::Scalar(110, 110, 110), cv::FILLED);  // a shadow
  draw(canvas, {10, 70, 20, Nlvr1Shape::circle, Nlvr1Colour::yellow});
  const Nlvr1Reading reading = read_nlvr1_box(image_of(canvas, 64));
  EXPECT_EQ(reading.unclear.size(), 3u);
  ASSERT_EQ(reading.items.size(), 1u);
  EXPECT_EQ(reading.items[0].colour, Nlvr1Colour::yellow);
}

TEST(Nlvr1Reader, RefusesWhatIsNoBox) {
  EXPECT_NE(error_of([] { read_nlvr1_box(Image(250, 100)); }).find("250x100 pixels, expected a square"),
            std::string::npos);
  EXPECT_THROW(read_nlvr1_box(Image(31, 31)), Error);
  EXPECT_THROW(read_nlvr1_box(Image()), Error);
}

// The right box of every example's first order: each drawing of the split once.
TEST(Nlvr1ReaderReleaseSlow, ReadsTheRealBoxesAt64Pixels) {
  TemporaryFolder folder;
  for (const std::string split : {"dev", "test"}) {
    const auto source = nlvr1_release(folder, split);
    if (source.empty()) GTEST_SKIP() << "no NLVR v1 release below " << CIGLI_TEST_DATA;
    std::ifstream lines(source / (split + ".json"));
    int boxes = 0, right = 0, items = 0, found = 0;
    for (std::string line; std::getline(lines, line);) {
      const auto example = nlohmann::ordered_json::parse(line);
      const std::string name = split + "-" + example.at("identifier").get<std::string>() + "-0.png";
      const Image image = read_image(source / "images" / example.at("directory").get<std::string>() / name);
      const Nlvr1Box truth = nlvr1_boxes(example.at("structured_rep"))[2];
      const Nlvr1Reading reading = read_nlvr1_box(resize(right_box(image), 64, 64));
      ++boxes;
      right += reading.unclear.empty() && kinds_of(reading.items) == kinds_of(truth);
      items += static_cast<int>(truth.size());
      found += found_in(truth, reading.items);
    }
    EXPECT_GT(boxes, 900);
    EXPECT_GE(right, 0.99 * boxes) << split;
    EXPECT_GE(found, 0.99 * items) << split;
  }
}

}  // namespace
}  // namespace cigli
