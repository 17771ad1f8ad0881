#include "eval/nlvr1/phrases.h"

namespace cigli {

// A wall or corner, after "touching".
std::optional<ItemTerm> Nlvr1Phrases::wall() {
  return attempt([this]() -> std::optional<ItemTerm> {
    eat_article();
    const auto read = [this]() -> std::optional<ItemTerm> {
      if (eat("corner")) return touches_corner();
      if (eat("right wall")) return touches_any({Nlvr1Wall::right}, "the right wall");
      if (eat("left wall")) return touches_any({Nlvr1Wall::left}, "the left wall");
      if (eat("top wall")) return touches_any({Nlvr1Wall::top}, "the top");
      if (eat_any({"base wall", "base"})) return touches_any({Nlvr1Wall::bottom}, "the bottom");
      if (eat("wall"))
        return touches_any({Nlvr1Wall::left, Nlvr1Wall::right, Nlvr1Wall::top, Nlvr1Wall::bottom}, "a wall");
      return {};
    };
    const auto found = read();
    if (found) eat_any({"of a box", "of box"});
    return found;
  });
}

// A place in its box or tower, after "at", "as", "on", "in".
std::optional<ItemTerm> Nlvr1Phrases::spot() {
  return attempt([this]() -> std::optional<ItemTerm> {
    std::optional<ItemTerm> found;
    if (eat("base"))
      found = at_rank(0);
    else if (eat("top"))
      found = at_top_rank(0);
    else if (eat("middle"))
      found = in_middle();
    else if (eat("second block"))
      found = at_rank(1);
    else if (eat("third block"))
      found = at_rank(2);
    if (!found || !eat("of")) return found;
    eat("a");
    const auto whole = group();
    if (!whole) return {};
    return both<Nlvr1Box, Nlvr1Item>({*found, in_box(*whole)});
  });
}

// "on a yellow block", "below a blue block".
std::optional<ItemTerm> Nlvr1Phrases::neighbour() {
  return attempt([this]() -> std::optional<ItemTerm> {
    const bool sides = eat("between 2"), under = !sides && eat("below"),
               either = !sides && !under && eat("attached to");
    if (!sides && !under && !either && !eat_any({"over", "above", "right on top of", "on top of", "on"})) return {};
    eat_article();
    const auto other = items_of({});
    if (!other || !other->one_by_one()) return {};
    return sides    ? between(other->which)
           : under  ? below(other->which)
           : either ? beside(other->which)
                    : on(other->which);
  });
}

std::optional<ItemTerm> Nlvr1Phrases::place() {
  return attempt([this]() -> std::optional<ItemTerm> {
    if (eat("touching")) return wall();
    if (const auto relation = neighbour()) return relation;
    if (eat_any({"at a", "as a", "on a", "at", "as", "on", "in"})) return spot();
    return {};
  });
}

// "that be not yellow", "of small size"
std::optional<ItemTerm> Nlvr1Phrases::quality() {
  return attempt([this]() -> std::optional<ItemTerm> {
    if (eat_any({"of small size", "that be of small size"})) return has_size(10);
    bool every = false;
    if (!eat_any({"of", "that be"})) return {};
    const bool other = eat("not");
    eat("of");
    const auto found = colours(every);
    if (!found || every) return {};
    eat("color");
    return other ? negated(has_colour(*found)) : has_colour(*found);
  });
}

// "with a blue square right on top of it"
std::optional<ItemTerm> Nlvr1Phrases::companion() {
  return attempt([this]() -> std::optional<ItemTerm> {
    if (!eat_any({"with a", "and a"})) return {};
    const auto paint = colour();
    const auto noun = paint ? kind() : std::nullopt;
    if (!noun || !eat_any({"right on top of it", "on top of it"})) return {};
    return below(both<Nlvr1Box, Nlvr1Item>({has_colour({*paint}), *noun}));
  });
}

std::optional<ItemTerm> Nlvr1Phrases::modifier() {
  return attempt([this]() -> std::optional<ItemTerm> {
    if (const auto found = quality()) return found;
    if (const auto found = companion()) return found;
    eat("and");
    eat("that");
    eat("be");
    const bool other = eat("not");
    const auto found = place();
    return found && other ? negated(*found) : found;
  });
}

// "of only blue and black color", "of blue color only", "that be not of black color"
std::optional<BoxTerm> Nlvr1Phrases::colours_of_all() {
  return attempt([this]() -> std::optional<BoxTerm> {
    if (!eat_any({"of", "either of", "that be"})) return {};
    eat("only");
    const bool other = eat("not");
    eat("of");
    bool every = false;
    const auto paints = colours(every);
    if (!paints || (every && other)) return {};
    eat("color");
    eat("only");
    return other ? all_items(negated(has_colour(*paints))) : all_coloured(*paints, every);
  });
}

// What holds of items together.
std::optional<BoxTerm> Nlvr1Phrases::property(const Quantity& quantity) {
  return attempt([&]() -> std::optional<BoxTerm> {
    if (eat("stacked together")) return BoxTerm{"stacked", is_tower};
    if (const auto each = of_which()) return each;
    if (const auto paints = colours_of_all()) return paints;
    if (!eat("of")) return {};
    if (eat_any({"all 3 different color", "all 3 color"})) return colours_shown({3, 3});
    if (eat_any({"only 1 color", "same color"})) return colours_shown({1, 1});
    if (eat("different color")) return colours_shown({quantity.low});
    const auto n = number();
    if (!n || !eat_any({"different color", "color"})) return {};
    return colours_shown({*n, *n});
  });
}

// "of that 3 be black", "of that 2 be blue and 1 be yellow", "1 of that be a circle".
std::optional<BoxTerm> Nlvr1Phrases::of_which() {
  return attempt([this]() -> std::optional<BoxTerm> {
    const bool before = eat("of that");
    const auto clause = [&]() -> std::optional<BoxTerm> {
      eat("and");
      const auto many = this->quantity();
      if (!many || (!before && !eat("of that")) || !eat("be")) return {};
      eat("a");
      const auto paint = colour();
      const auto noun = paint ? std::nullopt : kind();
      if (!paint && !noun) return {};
      return count(paint ? has_colour({*paint}) : *noun, *many);
    };
    std::vector<BoxTerm> clauses;
    while (const auto one = attempt(clause)) clauses.push_back(*one);
    if (clauses.empty()) return {};
    return both(clauses);
  });
}

// "second block be blue", "base be yellow", "black 1 be on top", "all block be of same color".
std::optional<BoxTerm> Nlvr1Phrases::part_is() {
  return attempt([this]() -> std::optional<BoxTerm> {
    if (eat_any({"all block be of same color", "all item be of same color"})) return colours_shown({1, 1});
    if (const auto part = spot()) {
      eat_any({"from a base", "from base"});
      const auto paint = eat("be") ? colour() : std::nullopt;
      if (!paint) return {};
      return count(both<Nlvr1Box, Nlvr1Item>({*part, has_colour({*paint})}), {1});
    }
    if (eat("color be")) {
      const bool other = eat("not");
      bool every = false;
      const auto paints = colours(every);
      if (!paints || (other && every)) return {};
      return other ? all_items(negated(has_colour(*paints))) : all_coloured(*paints, every);
    }
    if (const auto some = items()) return count(some->which, some->quantity, some->of_those);
    const auto many = quantity();
    if (!many || !next_is("be")) return {};
    if (const auto how = modifier()) return count(*how, *many);
    const auto paint = eat("be") ? colour() : std::nullopt;
    if (!paint) return {};
    return count(has_colour({*paint}), *many);
  });
}

}  // namespace cigli
