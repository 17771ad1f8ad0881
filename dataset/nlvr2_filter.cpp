#include "dataset/nlvr2_filter.h"

#include <algorithm>
#include <cctype>
#include <sstream>
#include <string_view>
#include <vector>

#include "runtime/error.h"

namespace cigli {
namespace {

using Strings = std::vector<std::string_view>;

bool is_one_of(const std::string& word, const Strings& all) {
  return std::find(all.begin(), all.end(), word) != all.end();
}

bool contains(const std::string& text, std::string_view phrase) { return text.find(phrase) != std::string::npos; }

bool contains_any(const std::string& text, const Strings& phrases) {
  return std::any_of(phrases.begin(), phrases.end(), [&](std::string_view phrase) { return contains(text, phrase); });
}

bool is_number(const std::string& word) {
  static const Strings numbers = {"one",   "two",   "three", "four", "five", "six",
                                  "seven", "eight", "nine",  "ten",  "a",    "an"};
  return is_one_of(word, numbers);
}

bool is_exact(const std::string& word) { return is_one_of(word, {"exactly", "only", "strictly"}); }

bool names_an_image(const std::string& sentence) {
  static const Strings phrases = {"left image",         "right image",       "lefthand image",   "righthand image",
                                  "image on the right", "every photo",       "leftmost",         "rightmost",
                                  "image to the left",  "image on the left", "on the right",     "on the left",
                                  "left photo",         "right photo",       "left pic",         "right pic",
                                  "an image",           "one image",         "one of the images"};
  return contains_any(sentence, phrases);
}

bool counts_both(const std::string& sentence) {
  static const Strings phrases = {
      "each image",         "both images",          "at least",           "at most",
      "all of the animals", "every of the animals", "all of the objects", "each of the objects"};
  return contains_any(sentence, phrases);
}

bool counts_from_its_start(const std::string& sentence, bool corrected) {
  std::istringstream stream(sentence);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  if (words.size() >= 4) {
    if (sentence.rfind("there are", 0) == 0 && (is_number(words[2]) || (is_exact(words[2]) && is_number(words[3]))))
      return true;
    if (sentence.rfind("there is", 0) == 0 && is_one_of(words[2], {"a", "an", "one"})) return true;
  }
  if (words.size() < 2) return false;
  return (is_exact(words[0]) && is_number(words[1])) || is_number(words[corrected ? 0 : 1]);
}

}  // namespace

Nlvr2Filter nlvr2_filter_named(const std::string& name) {
  if (name == "none") return Nlvr2Filter::none;
  if (name == "published") return Nlvr2Filter::published;
  if (name == "corrected") return Nlvr2Filter::corrected;
  throw Error("no filter is called '" + name + "', expected none, published or corrected");
}

bool keeps(Nlvr2Filter filter, const std::string& text) {
  if (filter == Nlvr2Filter::none) return true;
  std::string sentence = text;
  for (char& c : sentence) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (counts_both(sentence) && !(contains(sentence, "left image") && contains(sentence, "right image"))) return false;
  return names_an_image(sentence) || counts_from_its_start(sentence, filter == Nlvr2Filter::corrected);
}

}  // namespace cigli
