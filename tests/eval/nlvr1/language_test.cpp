#include "eval/nlvr1/language.h"

#include <gtest/gtest.h>

#include <fstream>

#include "eval/nlvr1/words.h"
#include "runtime/error.h"
#include "tests/eval/nlvr1/drawing.h"
#include "tests/eval/nlvr1/release.h"

namespace cigli {
namespace {

constexpr auto black = Nlvr1Colour::black, yellow = Nlvr1Colour::yellow, blue = Nlvr1Colour::blue;
constexpr auto circle = Nlvr1Shape::circle, square = Nlvr1Shape::square, triangle = Nlvr1Shape::triangle;

// Towers, from the base: black blue / yellow / black blue yellow.
const Nlvr1Boxes kTowers = {tower({black, blue}), tower({yellow}), tower({black, blue, yellow})};
// Items: a black circle in a corner and two yellow squares; a blue triangle on the floor with a black square on it; a
// small yellow circle alone.
const Nlvr1Boxes kItems = {{{{0, 0, 20, circle, black}, {40, 40, 30, square, yellow}, {80, 40, 20, square, yellow}},
                            {{30, 80, 20, triangle, blue}, {32, 59, 20, square, black}},
                            {{50, 50, 10, circle, yellow}}}};

bool holds(const std::string& sentence, const Nlvr1Boxes& boxes) {
  const auto meaning = parse_nlvr1(sentence);
  EXPECT_TRUE(meaning.has_value()) << sentence;
  return meaning && meaning->holds(boxes);
}

TEST(Nlvr1Language, TowersAreCountedByWhatTheyHave) {
  EXPECT_TRUE(holds("There is a tower with three blocks.", kTowers));
  EXPECT_FALSE(holds("There is a tower with four blocks", kTowers));
  EXPECT_TRUE(holds("There are exactly two towers with a black block at the base.", kTowers));
  EXPECT_TRUE(holds("there are 2 towers with a black block at the bottom", kTowers));
  EXPECT_FALSE(holds("There is 1 tower with a black block at the base", kTowers));  // a number alone is exact
  EXPECT_TRUE(holds("There is at least 1 tower with a black block at the base", kTowers));
  EXPECT_TRUE(holds("There are two towers with a yellow block at the top", kTowers));
  EXPECT_TRUE(holds("There is a tower with at least two blocks having a blue block at the top", kTowers));
  EXPECT_TRUE(holds("There is a tower which has blocks of all three colors", kTowers));
  EXPECT_FALSE(holds("Each tower has at least 1 yellow block", kTowers));
  EXPECT_TRUE(holds("There is a yellow tower with only one block", kTowers));
  EXPECT_FALSE(holds("There is a black tower", kTowers));
  EXPECT_TRUE(holds("The top of a three blocks tower is yellow", kTowers));
  EXPECT_TRUE(holds("There are two towers that has the same base color", kTowers));
  EXPECT_FALSE(holds("There are at least two towers with the same height", kTowers));
}

TEST(Nlvr1Language, BlocksStandOnBlocks) {
  EXPECT_TRUE(holds("There is a tower with a blue block over a black block", kTowers));
  EXPECT_FALSE(holds("There is a black block on a blue block.", kTowers));
  EXPECT_FALSE(holds("There is a yellow block above a black block", kTowers));  // not directly
  EXPECT_TRUE(holds("There is a blue block below a yellow block", kTowers));
  EXPECT_TRUE(holds("There is no yellow block above a black block", kTowers));
  EXPECT_TRUE(holds("There is a blue block as the top of a tower with exactly two blocks", kTowers));
  EXPECT_TRUE(holds("There are two black blocks as the base of a tower", kTowers));
}

TEST(Nlvr1Language, BoxesAreCountedByWhatTheyHold) {
  EXPECT_TRUE(holds("There is a box with 2 yellow squares", kItems));
  EXPECT_FALSE(holds("There is a box with exactly one yellow square", kItems));
  EXPECT_TRUE(holds("There is a box with a blue triangle and a black square.", kItems));
  EXPECT_TRUE(holds("There is a box with 3 items of 2 different colors", kItems));
  EXPECT_TRUE(holds("There is a box with only yellow items", kItems));
  EXPECT_TRUE(holds("There is a box with only blue and black items", kItems));
  EXPECT_FALSE(holds("There is a box with only blue and yellow items", kItems));
  EXPECT_TRUE(holds("one of the grey square contains exactly one object", kItems));
  EXPECT_TRUE(holds("There is a box with 3 items of which two are yellow", kItems));
  EXPECT_TRUE(holds("There is a box with 2 items and a black item on top", kItems));
  EXPECT_TRUE(holds("There is a box with a blue item touching the wall and a black item on top of it", kItems));
  EXPECT_FALSE(holds("Each box has at least 1 black item", kItems));
}

TEST(Nlvr1Language, ItemsTouchWallsAndCorners) {
  EXPECT_TRUE(holds("There is a black circle touching the edge", kItems));
  EXPECT_TRUE(holds("There is a circle closely touching a corner of a box", kItems));
  EXPECT_FALSE(holds("There is a square touching the corner that is not black", kItems));
  EXPECT_TRUE(holds("There is a blue triangle closely touching the bottom of a box", kItems));
  EXPECT_TRUE(holds("There are exactly two squares not touching any edge", kItems));
  EXPECT_TRUE(holds("none of the yellow circles are touching any edge", kItems));
  EXPECT_TRUE(holds("there are exactly 3 items touching the wall", kItems));
  EXPECT_TRUE(holds("ll 3 different colors are touching the wall", kItems));  // as the release has it
}

TEST(Nlvr1Language, FormShowsTheReading) {
  const auto meaning = parse_nlvr1("There are at least two towers with a yellow block at the base");
  ASSERT_TRUE(meaning.has_value());
  EXPECT_EQ(meaning->form, "boxes(tower & count(yellow & square & rank 0) = 1..) = 2..");
}

TEST(Nlvr1Language, WhatItDoesNotReadToTheEndIsUnparsed) {
  for (const char* sentence :
       {"", ".", "There is", "There is a", "box", "There is a box with", "There is a box with 2 items near the door",
        "There is a purple tower", "The weather is fine", "There is a tower with a yellow block at the top maybe",
        "There is a yellow circle close to a corner", "There is a tower with two black blocks at the base",
        "There is a box with only one yellow item and that item is touching the wall", "is is is",
        "there are 11 towers"})
    EXPECT_FALSE(parse_nlvr1(sentence).has_value()) << sentence << ": " << parse_nlvr1(sentence)->form;
}

TEST(Nlvr1Words, AreFewAndInOneForm) {
  const std::vector<std::string> words{"there", "be", "at", "least", "2", "box", "with", "3", "blue", "item"};
  EXPECT_EQ(nlvr1_words("There are atleast two grey boxes which have THREE bule objects."), words);
  EXPECT_TRUE(nlvr1_words(" \t.").empty());
}

TEST(Nlvr1BoxesOf, RefuseWhatIsNoStructuredRep) {
  using Json = nlohmann::ordered_json;
  const auto item = [](const char* more) {
    return Json::parse(std::string(R"([[{"x_loc":1,"y_loc":2,"size":10,"type":"circle","color":"Black")") + more +
                       "}],[],[]]");
  };
  EXPECT_EQ(nlvr1_boxes(item(""))[0][0].y, 2);
  for (const char* more :
       {R"(,"color":"Red")", R"(,"type":"star")", R"(,"size":15)", R"(,"x_loc":"1")", R"(,"y_loc":1e9)"})
    EXPECT_THROW(nlvr1_boxes(item(more)), Error) << more;
  for (const char* text : {"null", "[]", "[[],[]]", "[[],[],{}]", "[[],[],[1]]", "[[],[],[{}]]"})
    EXPECT_THROW(nlvr1_boxes(Json::parse(text)), Error) << text;
}

// Every labelled example, true and false alike, by its structured_rep. What remains is mostly labels that contradict
// their sentence.
TEST(Nlvr1LanguageRelease, AgreesWithTheLabels) {
  TemporaryFolder folder;
  for (const std::string split : {"dev", "test"}) {
    const auto source = nlvr1_release(folder, split);
    if (source.empty()) GTEST_SKIP() << "no NLVR v1 release below " << CIGLI_TEST_DATA;
    std::ifstream lines(source / (split + ".json"));
    int examples = 0, parsed = 0, agreed = 0;
    for (std::string line; std::getline(lines, line);) {
      const auto example = nlohmann::ordered_json::parse(line);
      const auto meaning = parse_nlvr1(example.at("sentence"));
      ++examples;
      if (!meaning) continue;
      ++parsed;
      agreed += meaning->holds(nlvr1_boxes(example.at("structured_rep"))) == (example.at("label") == "true");
    }
    EXPECT_GT(examples, 900);
    EXPECT_GE(parsed, 0.92 * examples) << split;
    EXPECT_GE(agreed, 0.98 * parsed) << split;
  }
}

}  // namespace
}  // namespace cigli
