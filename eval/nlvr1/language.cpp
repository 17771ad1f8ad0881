#include "eval/nlvr1/language.h"

#include <algorithm>

#include "eval/nlvr1/phrases.h"
#include "eval/nlvr1/words.h"

namespace cigli {
namespace {

int lowest_colour(const Nlvr1Box& box) {
  for (const Nlvr1Item& item : box)
    if (rank_from_base(box, item) == 0) return static_cast<int>(item.colour);
  return -1;
}

int highest_colour(const Nlvr1Box& box) {
  for (const Nlvr1Item& item : box)
    if (at_top_rank(0).holds(box, item)) return static_cast<int>(item.colour);
  return -1;
}

class Sentence : public Nlvr1Phrases {
 public:
  using Nlvr1Phrases::Nlvr1Phrases;

  std::optional<BoxesTerm> read() {
    for (const auto rule :
         {&Sentence::alike_groups, &Sentence::there_are_groups, &Sentence::colours_touch, &Sentence::there_are_items,
          &Sentence::groups_have, &Sentence::parts_are, &Sentence::items_together}) {
      const auto found = attempt([&]() -> std::optional<BoxesTerm> {
        const auto meaning = (this->*rule)();
        return meaning && at_end() ? meaning : std::nullopt;
      });
      if (found) return found;
    }
    return {};
  }

 private:
  std::optional<BoxesTerm> there_are_groups();
  std::optional<BoxesTerm> there_are_items();
  std::optional<BoxesTerm> groups_have();
  std::optional<BoxesTerm> parts_are();
  std::optional<BoxesTerm> alike_groups();
  std::optional<BoxesTerm> colours_touch();
  std::optional<BoxesTerm> items_together();
};

// "There are 2 towers with ..."
std::optional<BoxesTerm> Sentence::there_are_groups() {
  if (!eat("there be")) return {};
  const auto many = quantity();
  const auto some = group();
  if (!some) return {};
  return count_boxes(*some, many.value_or(Quantity{}));
}

// "There is a blue block ...", "There are 2 black circles ...", "... in each box"
std::optional<BoxesTerm> Sentence::there_are_items() {
  eat("there be");
  const auto some = items();
  if (!some) return {};
  if (eat("in each box")) return count_boxes(count(some->which, some->quantity, some->of_those), {3, 3});
  if (!some->one_by_one()) return count_boxes(count(some->which, some->quantity, some->of_those), {1});
  return count_items(some->which, some->quantity);
}

// "Each box has ...", "2 of the 3 towers have ...", "The tower with 4 blocks has ..."
std::optional<BoxesTerm> Sentence::groups_have() {
  if (!has_word("with")) return {};
  const bool each = eat_any({"each", "all 3", "all"});
  const auto many = each ? Quantity{3, 3} : quantity().value_or(Quantity{});
  eat("of");
  eat("3");
  const auto some = group();
  if (!some) return {};
  return count_boxes(*some, many);
}

// "The base of a tower is blue."
std::optional<BoxesTerm> Sentence::parts_are() {
  std::optional<ItemTerm> part;
  if (eat("base of"))
    part = at_rank(0);
  else if (eat("top of"))
    part = at_top_rank(0);
  else if (eat("second block of"))
    part = at_rank(1);
  else if (eat("third block of"))
    part = at_rank(2);
  if (!part) return {};
  const auto many = attempt([this] {
    const auto found = quantity();
    return next_is("block") ? std::nullopt : found;
  });
  const auto some = group();
  if (!some || !eat("be")) return {};
  const auto paint = colour();
  if (!paint) return {};
  const BoxTerm so = count(both<Nlvr1Box, Nlvr1Item>({*part, has_colour({*paint})}), {1});
  return count_boxes(both<Nlvr1Box>({*some, so}), many.value_or(Quantity{}));
}

// "There are 2 towers with the same height."
std::optional<BoxesTerm> Sentence::alike_groups() {
  if (!eat("there be")) return {};
  const auto many = quantity();
  const bool towers = next_is("tower");
  if (!many || !eat_any({"tower", "box"}) || !eat_any({"with same", "that be same in"})) return {};
  const auto size = [](const Nlvr1Box& box) { return static_cast<int>(box.size()); };
  const BoxTerm any = towers ? BoxTerm{"tower", is_tower} : BoxTerm{"box", [](const Nlvr1Box&) { return true; }};
  if (eat_any({"height", "number of item", "number of block"})) return alike(any, *many, "number of items", size);
  if (eat("base color that be not")) {
    const auto paint = colour();
    if (!paint) return {};
    const ItemTerm other = both<Nlvr1Box, Nlvr1Item>({at_rank(0), negated(has_colour({*paint}))});
    return alike(both<Nlvr1Box>({any, count(other, {1})}), *many, "base colour", lowest_colour);
  }
  if (eat("base color")) return alike(any, *many, "base colour", lowest_colour);
  if (eat("top color")) return alike(any, *many, "top colour", highest_colour);
  return {};
}

// "All 3 different colors are touching the wall."
std::optional<BoxesTerm> Sentence::colours_touch() {
  eat("there be");
  const bool all = eat_any({"item of all 3 different color", "all 3 different color", "all 3 color"});
  if (!all && !eat("only 1 color")) return {};
  const auto touching = modifier();
  if (!touching) return {};
  const Quantity n{all ? 3 : 1, all ? 3 : 1};
  return BoxesTerm{"colours(" + touching->form + ") = " + n.form(), [touching, n](const Nlvr1Boxes& boxes) {
                     Nlvr1Box together;
                     for (const Nlvr1Box& box : boxes)
                       for (const Nlvr1Item& item : chosen(box, *touching)) together.push_back(item);
                     return colours_shown(n).holds(together);
                   }};
}

// "All blue items are in the same box."
std::optional<BoxesTerm> Sentence::items_together() {
  if (!eat("all")) return {};
  const auto some = items_of({});
  if (!some || !some->one_by_one() || !eat("be in same box")) return {};
  return count_boxes(count(some->which, {1}), {1, 1});
}

}  // namespace

std::optional<BoxesTerm> parse_nlvr1(const std::string& sentence) { return Sentence(nlvr1_words(sentence)).read(); }

}  // namespace cigli
