#include "eval/nlvr1/phrases.h"

#include <algorithm>

namespace cigli {

bool Nlvr1Phrases::has_word(std::string_view word) const {
  return std::find(words_.begin(), words_.end(), word) != words_.end();
}

bool Nlvr1Phrases::next_is(std::string_view phrase) const {
  std::size_t at = place_;
  while (!phrase.empty()) {
    const std::size_t end = std::min(phrase.find(' '), phrase.size());
    if (at == words_.size() || words_[at] != phrase.substr(0, end)) return false;
    phrase.remove_prefix(std::min(end + 1, phrase.size()));
    ++at;
  }
  return true;
}

bool Nlvr1Phrases::eat(std::string_view phrase) {
  if (!next_is(phrase)) return false;
  place_ += 1 + static_cast<std::size_t>(std::count(phrase.begin(), phrase.end(), ' '));
  return true;
}

bool Nlvr1Phrases::eat_any(std::initializer_list<std::string_view> phrases) {
  return std::any_of(phrases.begin(), phrases.end(), [this](std::string_view phrase) { return eat(phrase); });
}

std::optional<int> Nlvr1Phrases::number() {
  for (int n = 1; n <= 10; ++n)
    if (eat(std::to_string(n))) return n;
  return {};
}

std::optional<Nlvr1Colour> Nlvr1Phrases::colour() {
  for (int i = 0; i < nlvr1_kinds; ++i)
    if (const auto colour = static_cast<Nlvr1Colour>(i); eat(name(colour))) return colour;
  return {};
}

std::optional<std::vector<Nlvr1Colour>> Nlvr1Phrases::colours(bool& every) {
  every = false;
  const auto first = colour();
  if (!first) return {};
  std::vector<Nlvr1Colour> found{*first};
  const auto another = [&]() -> std::optional<Nlvr1Colour> {
    const bool joined = next_is("and");
    const auto next = eat_any({"and", "or"}) ? colour() : std::nullopt;
    if (next) every = joined;
    return next;
  };
  while (const auto next = attempt(another)) found.push_back(*next);
  return found;
}

std::optional<Quantity> Nlvr1Phrases::quantity() {
  return attempt([this]() -> std::optional<Quantity> {
    if (eat_any({"no", "none of"})) return Quantity{0, 0};
    if (eat("multiple")) return Quantity{2};
    if (eat("some")) return Quantity{1};
    const bool least = eat("at least"), most = !least && eat("at most"), more = !least && !most && eat("more than");
    if (!most && !more && eat("a")) return Quantity{1};
    if (!least && !most && !more) eat_any({"exactly", "only"});
    const auto n = number();
    if (!n) return {};
    if (least || more) return Quantity{more ? *n + 1 : *n};
    return Quantity{most ? 0 : *n, *n};
  });
}

std::optional<ItemTerm> Nlvr1Phrases::kind() {
  for (int i = 0; i < nlvr1_kinds; ++i)
    if (const auto shape = static_cast<Nlvr1Shape>(i); eat(name(shape))) return has_shape(shape);
  if (eat("block")) return has_shape(Nlvr1Shape::square);
  if (eat("item") || eat("1")) return any_item();
  return {};
}

std::optional<Nlvr1Phrases::Items> Nlvr1Phrases::items_of(const Quantity& quantity) {
  return attempt([&]() -> std::optional<Items> {
    std::vector<ItemTerm> terms;
    Items items;
    items.quantity = quantity;
    if (eat("small")) terms.push_back(has_size(10));
    bool every = false;
    const auto paints = colours(every);
    if (paints) terms.push_back(has_colour(*paints));
    if (every) items.of_those.push_back(shows_colours(*paints));
    const bool general = !paints && (next_is("item") || next_is("block"));
    const auto noun = kind();
    if (!noun) return {};
    terms.push_back(*noun);
    items.at_spot = next_is("at") || next_is("as");
    for (;;) {
      // "exactly 1 block that is blue" stands alone in its tower: the colour is no choice among the blocks.
      const auto together = general ? property(quantity) : std::nullopt;
      const auto one = together ? std::nullopt : modifier();
      if (!together && !one) break;
      if (together) items.of_those.push_back(*together);
      if (one) terms.push_back(*one);
    }
    items.which = both(terms);
    while (const auto more = property(quantity)) items.of_those.push_back(*more);
    return items;
  });
}

std::optional<Nlvr1Phrases::Items> Nlvr1Phrases::items() {
  return attempt([this] { return items_of(quantity().value_or(Quantity{})); });
}

std::optional<Nlvr1Phrases::Group> Nlvr1Phrases::group() {
  return attempt([this]() -> std::optional<Group> {
    std::vector<BoxTerm> terms;
    if (const auto height = attempt([this]() -> std::optional<int> {
          const auto n = eat("single") ? std::optional<int>(1) : number();
          return n && eat("block") ? n : std::nullopt;
        }))
      terms.push_back(count(any_item(), {*height, *height}));
    if (const auto paint = colour()) terms.push_back(all_items(has_colour({*paint})));
    if (eat("tower"))
      terms.insert(terms.begin(), {"tower", is_tower});
    else if (eat("box"))
      terms.insert(terms.begin(), {"box", [](const Nlvr1Box&) { return true; }});
    else
      return {};
    for (const BoxTerm& more : conditions()) terms.push_back(more);
    return both(terms);
  });
}

std::vector<BoxTerm> Nlvr1Phrases::conditions() {
  std::vector<BoxTerm> found;
  while (const auto more = condition()) found.push_back(*more);
  return found;
}

// Conditions of a box or tower.
std::optional<BoxTerm> Nlvr1Phrases::condition() {
  return attempt([this]() -> std::optional<BoxTerm> {
    if (!eat("with")) return eat_any({"that", "where", "and"}) ? part_is() : std::nullopt;
    auto first = element();
    if (!first) return {};
    std::vector<BoxTerm> elements{*first};
    const auto another = [this]() -> std::optional<BoxTerm> {
      return eat("and") || attempt([this] { return quantity(); }) ? element() : std::nullopt;
    };
    while (const auto more = attempt(another)) elements.push_back(*more);
    return both(elements);
  });
}

// "blue base", "yellow second block"
std::optional<BoxTerm> Nlvr1Phrases::painted_part() {
  return attempt([this]() -> std::optional<BoxTerm> {
    eat("a");
    const auto paint = colour();
    const auto part = paint && !next_is("middle") ? spot() : std::nullopt;
    if (!part) return {};
    return count(both<Nlvr1Box, Nlvr1Item>({has_colour({*paint}), *part}), {1});
  });
}

// "only blue and yellow item"
std::optional<BoxTerm> Nlvr1Phrases::only_coloured() {
  return attempt([this]() -> std::optional<BoxTerm> {
    bool every = false;
    if (!eat("only")) return {};
    const auto paints = colours(every);
    if (!paints || !eat_any({"block", "item"})) return {};
    return all_coloured(*paints, every);
  });
}

// "1 black and 1 blue item", "only 2 blue and 1 yellow item"
std::optional<BoxTerm> Nlvr1Phrases::two_counts() {
  return attempt([this]() -> std::optional<BoxTerm> {
    const bool only = next_is("only");
    const auto one = quantity();
    const auto first = one ? colour() : std::nullopt;
    if (!first || !eat("and")) return {};
    const auto other = quantity();
    const auto second = other ? colour() : std::nullopt;
    if (!second || *first == *second || !eat_any({"item", "block"})) return {};
    const BoxTerm counts = both<Nlvr1Box>({count(has_colour({*first}), *one), count(has_colour({*second}), *other)});
    return only ? both<Nlvr1Box>({counts, all_items(has_colour({*first, *second}))}) : counts;
  });
}

// What a box has: "2 blue block", "only yellow item", "all 3 different color", "a blue base".
std::optional<BoxTerm> Nlvr1Phrases::element() {
  return attempt([this]() -> std::optional<BoxTerm> {
    if (eat_any({"all 3 different color", "all 3 color"})) return colours_shown({3, 3});
    if (eat("only 1 color")) return colours_shown({1, 1});
    for (const auto rule : {&Nlvr1Phrases::only_coloured, &Nlvr1Phrases::painted_part, &Nlvr1Phrases::two_counts})
      if (const auto found = (this->*rule)()) return found;
    const auto some = items();
    if (!some || (some->at_spot && some->quantity.low > 1)) return {};  // one tower has one base
    eat("in it");
    return count(some->which, some->quantity, some->of_those);
  });
}

}  // namespace cigli
