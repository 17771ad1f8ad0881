#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eval/nlvr1/terms.h"

namespace cigli {

// The parts that NLVR v1 sentences are made of, each a rule of a recursive-descent grammar over `nlvr1_words`. A rule
// either reads its words and gives its meaning, or reads nothing.
class Nlvr1Phrases {
 public:
  explicit Nlvr1Phrases(std::vector<std::string> words) : words_(std::move(words)) {}

 protected:
  // Several items of a box: how many, which, and what holds of all that are meant.
  struct Items {
    Quantity quantity;
    ItemTerm which;
    std::vector<BoxTerm> of_those;
    bool at_spot = false;  // "at the base", "as the top"
    bool one_by_one() const { return of_those.empty(); }
  };
  // Some of the boxes or towers.
  using Group = BoxTerm;

  std::optional<Quantity> quantity();                         // "at least 2", "a", "no"; a number alone means exactly
  std::optional<Items> items();                               // quantity, [size], [colours], [noun], modifiers
  std::optional<Items> items_of(const Quantity& quantity);    // the same after the quantity
  std::optional<Group> group();                               // [colour or height] "tower" or "box", conditions
  std::optional<BoxTerm> condition();                         // "with 2 blue block", "and 1 be on top"
  std::vector<BoxTerm> conditions();                          // as many as there are
  std::optional<ItemTerm> modifier();                         // "touching a wall", "at base", "on a yellow block"
  std::optional<BoxTerm> property(const Quantity& quantity);  // of items together: "of 2 different color"
  std::optional<std::vector<Nlvr1Colour>> colours(bool& every);  // "blue", "blue or black"; every: joined by "and"
  std::optional<Nlvr1Colour> colour();
  std::optional<int> number();

  bool at_end() const { return place_ == words_.size(); }
  bool has_word(std::string_view word) const;   // anywhere in the sentence
  bool next_is(std::string_view phrase) const;  // without reading it
  bool eat(std::string_view phrase);            // words separated by single spaces
  bool eat_any(std::initializer_list<std::string_view> phrases);
  void eat_article() { eat_any({"a", "any"}); }
  // The rule's meaning, with its words read; or nothing, with none read.
  template <class Rule>
  auto attempt(Rule rule) -> decltype(rule()) {
    const std::size_t start = place_;
    auto meaning = rule();
    if (!meaning) place_ = start;
    return meaning;
  }

 private:
  std::optional<ItemTerm> place();
  std::optional<ItemTerm> wall();
  std::optional<ItemTerm> spot();
  std::optional<ItemTerm> neighbour();
  std::optional<ItemTerm> kind();
  std::optional<ItemTerm> quality();
  std::optional<ItemTerm> companion();
  std::optional<BoxTerm> colours_of_all();
  std::optional<BoxTerm> element();
  std::optional<BoxTerm> part_is();
  std::optional<BoxTerm> of_which();
  std::optional<BoxTerm> only_coloured();
  std::optional<BoxTerm> painted_part();
  std::optional<BoxTerm> two_counts();

  std::vector<std::string> words_;
  std::size_t place_ = 0;
};

}  // namespace cigli
