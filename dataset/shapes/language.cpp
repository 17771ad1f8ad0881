#include "dataset/shapes/language.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <optional>
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

// The slots that the program fills; nullopt for others.
std::optional<std::string> argument(const Program& p, const std::string& slot) {
  if (slot == "colour") return name(p.colour);
  if (slot == "a colour") return with_article(name(p.colour));
  if (slot == "shape") return name(p.shape);
  if (slot == "a shape") return with_article(name(p.shape));
  if (slot == "shapes") return plural(name(p.shape));
  if (slot == "to colour") return name(p.to_colour);
  if (slot == "a to colour") return with_article(name(p.to_colour));
  if (slot == "to shape") return name(p.to_shape);
  if (slot == "a to shape") return with_article(name(p.to_shape));
  if (slot == "to shapes") return plural(name(p.to_shape));
  if (slot == "beside") return beside(p.direction);
  if (slot == "towards") return towards(p.direction);
  return std::nullopt;
}

// Fills slots, reading the wording as digits of mixed radix, one a choice.
class Writer {
 public:
  Writer(const Program& program, std::uint64_t wording)
      : program_(program), wording_(wording), images_(choose(images())) {}

  std::string write(const std::string& pattern) {
    std::string text;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
      if (pattern[i] != '{') {
        text += pattern[i];
        continue;
      }
      const std::size_t end = pattern.find('}', i);
      text += fill(pattern.substr(i + 1, end - i - 1));
      i = end;
    }
    return text;
  }

 private:
  using Images = std::pair<std::string, std::string>;

  static const std::vector<Images>& images() {
    static const std::vector<Images> all = {{"the first image", "the second image"},
                                            {"the left picture", "the right picture"},
                                            {"the picture on the left", "the picture on the right"},
                                            {"the left image", "the right image"},
                                            {"the first picture", "the second picture"},
                                            {"the image on the left", "the image on the right"},
                                            {"the left drawing", "the right drawing"},
                                            {"the first drawing", "the second drawing"}};
    return all;
  }

  template <class T>
  const T& choose(const std::vector<T>& all) {
    const T& chosen = all[wording_ % all.size()];
    wording_ /= all.size();
    return chosen;
  }

  std::string fill(const std::string& slot) {
    if (slot == "A") return images_.first;
    if (slot == "B") return images_.second;
    if (const auto word = argument(program_, slot)) return *word;
    const auto found = synonyms().find(slot);
    if (found == synonyms().end())
      throw Error("a paraphrase of " + name(program_.family) + " has an unknown slot {" + slot + "}");
    return write(choose(found->second));
  }

  const Program& program_;
  std::uint64_t wording_;
  const Images& images_;
};

// Position among the family's paraphrases in the order of their hashes.
std::size_t rank(Family family, int paraphrase) {
  const auto& all = paraphrases(family);
  const auto hash = [&](const std::string& text) { return stable_hash("paraphrase " + name(family) + ' ' + text); };
  const std::uint64_t own = hash(all.at(static_cast<std::size_t>(paraphrase)));
  return static_cast<std::size_t>(
      std::count_if(all.begin(), all.end(), [&](const std::string& text) { return hash(text) < own; }));
}

}  // namespace

std::string sentence(const Program& program, int paraphrase, std::uint64_t wording) {
  Writer writer(program, wording);
  std::string text = writer.write(paraphrases(program.family).at(static_cast<std::size_t>(paraphrase)));
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
