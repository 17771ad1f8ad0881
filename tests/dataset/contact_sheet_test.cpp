#include "dataset/contact_sheet.h"

#include <gtest/gtest.h>

#include "dataset/fit.h"
#include "tests/dataset/samples.h"

namespace cigli {
namespace {

Image plain(std::int64_t width, std::int64_t height, std::uint8_t red) {
  Image image(width, height);
  for (std::int64_t i = 0; i < width * height; ++i) image.pixels[static_cast<std::size_t>(3 * i)] = red;
  return image;
}

TEST(ContactSheet, LaysCardsOutInColumns) {
  const SheetCard card{"a sentence of some length that has to be broken into several lines",
                       {plain(32, 32, 200), plain(32, 32, 90)}};
  const Image one = draw_contact_sheet({card}, 4);
  const Image five = draw_contact_sheet({card, card, card, card, card}, 4);
  EXPECT_EQ(one.width, 3 * 8 + 2 * 96);
  EXPECT_GT(one.height, 96 + 2 * 8 + 2 * 16);
  EXPECT_EQ(five.width, 4 * one.width);
  EXPECT_EQ(five.height, 2 * one.height);
  EXPECT_EQ(one.at(9, 9)[0], 200);
  EXPECT_EQ(one.at(8 + 96 + 8 + 1, 9)[0], 90);
  EXPECT_EQ(five.at(one.width + 9, 9)[0], 200);
  EXPECT_EQ(five.at(9, one.height + 9)[0], 200);
  EXPECT_EQ(five.at(one.width + 9, one.height + 9)[0], 255);
}

TEST(ContactSheet, TakesAnyText) {
  EXPECT_NO_THROW(draw_contact_sheet({{std::string(5000, 'x') + " 日本語 \n\t", {plain(8, 200, 1)}}}, 1));
  EXPECT_NO_THROW(draw_contact_sheet({{"", {}}}, 1));
  EXPECT_THROW(draw_contact_sheet({}, 1), std::exception);
}

TEST(ContactPage, EscapesTextAndPaths) {
  const std::string page = contact_page("t", {{"a<b", "<script>&\"", "../p q#1.png", {"a%b.png", ""}}}, 3);
  EXPECT_NE(page.find("&lt;script&gt;&amp;"), std::string::npos);
  EXPECT_EQ(page.find("<script>"), std::string::npos);
  EXPECT_NE(page.find("src=\"../p%20q%231.png\""), std::string::npos);
  EXPECT_NE(page.find("src=\"a%25b.png\""), std::string::npos);
  EXPECT_NE(page.find("none"), std::string::npos);
  EXPECT_NE(page.find("The first 1 of 3 rows"), std::string::npos);
}

TEST(Fit, KeepsTheAspectOnTheBordersColour) {
  Image wide = plain(40, 20, 120);
  for (int c = 0; c < 3; ++c) wide.at(20, 10)[c] = 255;
  const Image fitted = fit(wide, 40, 40);
  EXPECT_EQ(fitted.at(0, 0)[0], 120);
  EXPECT_EQ(fitted.at(20, 20)[2], 255);
  EXPECT_EQ(fit(wide, 40, 20), wide);
}

}  // namespace
}  // namespace cigli
