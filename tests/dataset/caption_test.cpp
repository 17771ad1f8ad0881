#include "dataset/caption.h"

#include <gtest/gtest.h>

namespace cigli {
namespace {

TEST(Caption, SentencesPass) {
  for (const char* text : {"The right image shows a dog.", "In the café a man sips his latte.", "It's a dog's life",
                           "There are two dogs in the left image and one in the right — all asleep."})
    EXPECT_EQ(caption_fault(text), "") << text;
}

TEST(Caption, FewWords) {
  EXPECT_EQ(caption_fault("A dog."), "2 words, expected at least 3");
  EXPECT_EQ(caption_fault("dog"), "1 word, expected at least 3");
  EXPECT_EQ(caption_fault("--- ... !"), "0 words, expected at least 3");
  CaptionOptions options;
  options.min_words = 0;
  EXPECT_EQ(caption_fault("dog", options), "");
}

TEST(Caption, BrokenEncodings) {
  for (const char* text :
       {"In the caf\xc3\x83\xc2\xa9 a man sits", "a dog\xc3\xa2\xe2\x82\xac\xe2\x84\xa2s life is good",
        "a caf\xef\xbf\xbd with a dog", "a dog \x01 on a sofa", "two\nlines of words"})
    EXPECT_EQ(caption_fault(text).find("broken encoding"), 0U) << text;
}

TEST(Caption, OtherLanguagesWhereTheDetectorIsSure) {
  EXPECT_EQ(caption_fault("Auf dem rechten Bild ist ein Hund zu sehen, der auf einem Sofa schläft."),
            "language de, expected en");
  EXPECT_EQ(
      caption_fault("右の画像には犬が写っています。 左の画像には猫がいます。 とてもかわいいです。").find("language ja"),
      0U);
  CaptionOptions german;
  german.language = "de";
  EXPECT_EQ(caption_fault("Auf dem rechten Bild ist ein Hund zu sehen, der auf einem Sofa schläft.", german), "");
  german.language = "";
  EXPECT_EQ(caption_fault("Auf dem rechten Bild ist ein Hund zu sehen, der auf einem Sofa schläft.", german), "");
}

TEST(SentenceCounts, CountsRepetitionsAndTemplates) {
  SentenceCounts counts;
  for (const char* colour : {"red", "green", "blue", "red"}) counts.add(std::string("A ") + colour + " dog sits.");
  counts.add("A red cat sits");
  counts.add("Nothing like it");
  EXPECT_EQ(counts.same("a RED dog sits").count, 2);
  EXPECT_EQ(counts.same("a red dog sits!").key, counts.same("A red dog sits.").key);
  EXPECT_EQ(counts.same("a white dog sits").count, 0);
  EXPECT_EQ(counts.same_but_one_word("A red dog sits.").count, 3);
  EXPECT_EQ(counts.same_but_one_word("A white dog sits.").count, 3);
  EXPECT_EQ(counts.same_but_one_word("A red dog sits.").key, counts.same_but_one_word("A blue dog sits.").key);
  EXPECT_EQ(counts.same_but_one_word("A red cat sits").count, 2);
  EXPECT_EQ(counts.same_but_one_word("Nothing like it").count, 1);
  EXPECT_EQ(counts.same_but_one_word("What is that").count, 0);
}

}  // namespace
}  // namespace cigli
