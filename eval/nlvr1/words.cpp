#include "eval/nlvr1/words.h"

#include <algorithm>
#include <cctype>
#include <unordered_map>

namespace cigli {
namespace {

using Words = std::vector<std::string>;

// One word to the words that stand for it; "" leaves it out.
const std::unordered_map<std::string, Words>& forms() {
  static const std::unordered_map<std::string, Words> table = {
      // slips of the pen
      {"atleast", {"at", "least"}},
      {"atmost", {"at", "most"}},
      {"ablue", {"a", "blue"}},
      {"bule", {"blue"}},
      {"blccks", {"block"}},
      {"cirlce", {"circle"}},
      {"squere", {"square"}},
      {"traingle", {"triangle"}},
      {"traingles", {"triangle"}},
      {"tocuhing", {"touching"}},
      {"bellow", {"below"}},
      {"ha", {"with"}},
      // one word for one meaning
      {"an", {"a"}},
      {"has", {"with"}},
      {"have", {"with"}},
      {"having", {"with"}},
      {"contain", {"with"}},
      {"contains", {"with"}},
      {"containing", {"with"}},
      {"is", {"be"}},
      {"are", {"be"}},
      {"being", {"be"}},
      {"which", {"that"}},
      {"object", {"item"}},
      {"objects", {"item"}},
      {"side", {"wall"}},
      {"sides", {"wall"}},
      {"edge", {"wall"}},
      {"edges", {"wall"}},
      {"bottom", {"base"}},
      {"every", {"each"}},
      {"gray", {"grey"}},
      {"colour", {"color"}},
      {"colours", {"color"}},
      {"coloured", {"colored"}},
      {"attach", {"attached"}},
      {"touch", {"touching"}},
      {"touches", {"touching"}},
      {"under", {"below"}},
      {"beneath", {"below"}},
      // singular
      {"towers", {"tower"}},
      {"boxes", {"box"}},
      {"items", {"item"}},
      {"blocks", {"block"}},
      {"circles", {"circle"}},
      {"squares", {"square"}},
      {"triangles", {"triangle"}},
      {"colors", {"color"}},
      {"walls", {"wall"}},
      {"corners", {"corner"}},
      {"bases", {"base"}},
      {"blacks", {"black"}},
      // numbers
      {"one", {"1"}},
      {"two", {"2"}},
      {"three", {"3"}},
      {"four", {"4"}},
      {"five", {"5"}},
      {"six", {"6"}},
      {"seven", {"7"}},
      {"eight", {"8"}},
      {"nine", {"9"}},
      {"ten", {"10"}},
      // without weight
      {"the", {}},
      {"closely", {}},
  };
  return table;
}

Words split(std::string_view sentence) {
  Words words;
  std::string word;
  const auto end_word = [&] {
    if (!word.empty()) words.push_back(word);
    word.clear();
  };
  for (const char c : sentence) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) || byte >= 0x80 || c == '\'') {
      word.push_back(static_cast<char>(std::tolower(byte)));
      continue;
    }
    end_word();
    if (c == ',') words.emplace_back("and");
    if (c == '?' || c == '!' || c == ';' || c == ':') words.emplace_back(1, c);
  }
  end_word();
  return words;
}

void replace_all(Words& words, const Words& from, const Words& to) {
  for (auto at = words.begin();;) {
    at = std::search(at, words.end(), from.begin(), from.end());
    if (at == words.end()) return;
    const auto place = at - words.begin();
    words.erase(at, at + static_cast<std::ptrdiff_t>(from.size()));
    words.insert(words.begin() + place, to.begin(), to.end());
    at = words.begin() + place + static_cast<std::ptrdiff_t>(to.size());
  }
}

// Some sentences of the release lack their first letter.
void mend_start(Words& words) {
  if (words.size() < 2) return;
  if (words[0] == "ll") words[0] = "all";
  if (words[0] == "tleast") words[0] = "atleast";
  if (words[0] == "t" && words[1] == "least") words[0] = "at";
}

}  // namespace

Words nlvr1_words(std::string_view sentence) {
  Words raw = split(sentence);
  mend_start(raw);
  replace_all(raw, {"a", "sthe"}, {"as", "the"});
  replace_all(raw, {"tower", "than", "contains"}, {"tower", "that", "contains"});
  Words words;
  for (const std::string& word : raw) {
    const auto form = forms().find(word);
    if (form == forms().end())
      words.push_back(word);
    else
      words.insert(words.end(), form->second.begin(), form->second.end());
  }
  replace_all(words, {"grey", "box"}, {"box"});
  replace_all(words, {"grey", "square"}, {"box"});
  replace_all(words, {"box", "corner"}, {"corner"});
  replace_all(words, {"and", "and"}, {"and"});
  replace_all(words, {"that", "with"}, {"with"});
  replace_all(words, {"and", "it", "with"}, {"with"});
  replace_all(words, {"and", "with"}, {"with"});
  if (!words.empty() && words.back() == "and") words.pop_back();
  return words;
}

}  // namespace cigli
