#include "dataset/shapes/language.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <utility>

#include "dataset/shapes/world.h"
#include "runtime/error.h"
#include "runtime/hash.h"

namespace cigli {
namespace {

std::string with_article(const std::string& noun) {
  return (std::string("aeiou").find(noun.front()) == std::string::npos ? "a " : "an ") + noun;
}

std::string plural(const std::string& noun) { return noun + (noun.back() == 's' ? "es" : "s"); }

std::string beside(Direction direction) {
  static const std::vector<std::string> phrases = {"to the left of", "to the right of", "above", "below"};
  return phrases[static_cast<std::size_t>(direction)];
}

std::string towards(Direction direction) {
  static const std::vector<std::string> phrases = {"to the left", "to the right", "up", "down"};
  return phrases[static_cast<std::size_t>(direction)];
}

std::string slot(const Program& p, const std::string& key, int wording) {
  static const std::vector<std::pair<std::string, std::string>> images = {
      {"the first image", "the second image"},
      {"the left picture", "the right picture"},
      {"the picture on the left", "the picture on the right"},
      {"the left image", "the right image"},
      {"the first picture", "the second picture"},
      {"the image on the left", "the image on the right"},
      {"the left drawing", "the right drawing"},
      {"the first drawing", "the second drawing"}};
  static_assert(wordings == 8);
  if (key == "A") return images[static_cast<std::size_t>(wording)].first;
  if (key == "B") return images[static_cast<std::size_t>(wording)].second;
  if (key == "colour") return name(p.colour);
  if (key == "a colour") return with_article(name(p.colour));
  if (key == "shape") return name(p.shape);
  if (key == "a shape") return with_article(name(p.shape));
  if (key == "shapes") return plural(name(p.shape));
  if (key == "to colour") return name(p.to_colour);
  if (key == "a to colour") return with_article(name(p.to_colour));
  if (key == "to shape") return name(p.to_shape);
  if (key == "a to shape") return with_article(name(p.to_shape));
  if (key == "to shapes") return plural(name(p.to_shape));
  if (key == "beside") return beside(p.direction);
  if (key == "towards") return towards(p.direction);
  throw Error("a paraphrase of " + name(p.family) + " has an unknown slot {" + key + "}");
}

// Position among the family's paraphrases in the order of their hashes.
std::size_t rank(Family family, int paraphrase) {
  const auto& all = paraphrases(family);
  const auto hash = [&](const std::string& text) { return stable_hash("paraphrase " + name(family) + ' ' + text); };
  const std::uint64_t own = hash(all.at(static_cast<std::size_t>(paraphrase)));
  return static_cast<std::size_t>(
      std::count_if(all.begin(), all.end(), [&](const std::string& text) { return hash(text) < own; }));
}

}  // namespace

std::string sentence(const Program& program, int paraphrase, int wording) {
  const std::string& pattern = paraphrases(program.family).at(static_cast<std::size_t>(paraphrase));
  std::string text;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '{') {
      text += pattern[i];
      continue;
    }
    const std::size_t end = pattern.find('}', i);
    text += slot(program, pattern.substr(i + 1, end - i - 1), wording);
    i = end;
  }
  text.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(text.front())));
  return text + '.';
}

bool paraphrase_held_out(Family family, int paraphrase) {
  static const std::map<Family, std::vector<bool>> all = [] {
    std::map<Family, std::vector<bool>> result;
    for (const Signature& s : signatures()) {
      const std::size_t count = paraphrases(s.family).size();
      for (std::size_t i = 0; i < count; ++i)
        result[s.family].push_back(rank(s.family, static_cast<int>(i)) < (count + 2) / 5);
    }
    return result;
  }();
  return all.at(family).at(static_cast<std::size_t>(paraphrase));
}

int draw_paraphrase(Family family, bool seen, Philox& random) {
  std::vector<int> fitting;
  for (int i = 0; i < static_cast<int>(paraphrases(family).size()); ++i)
    if (paraphrase_held_out(family, i) != seen) fitting.push_back(i);
  return pick(fitting, random);
}

}  // namespace cigli
