#include "eval/nlvr1/terms.h"

#include <algorithm>
#include <map>
#include <set>

namespace cigli {
namespace {

template <class Property>
std::size_t kinds(const Nlvr1Box& box, Property property) {
  std::set<int> seen;
  for (const Nlvr1Item& item : box) seen.insert(static_cast<int>(property(item)));
  return seen.size();
}

std::string list(const std::vector<Nlvr1Colour>& colours, const char* between) {
  std::string text;
  for (const Nlvr1Colour colour : colours) text += (text.empty() ? "" : between) + name(colour);
  return text;
}

}  // namespace

std::string Quantity::form() const {
  if (low == high) return std::to_string(low);
  return std::to_string(low) + ".." + (high < 1000 ? std::to_string(high) : "");
}

Nlvr1Box chosen(const Nlvr1Box& box, const ItemTerm& term) {
  Nlvr1Box some;
  for (const Nlvr1Item& item : box)
    if (term.holds(box, item)) some.push_back(item);
  return some;
}

ItemTerm any_item() {
  return {"item", [](const Nlvr1Box&, const Nlvr1Item&) { return true; }};
}

ItemTerm has_colour(const std::vector<Nlvr1Colour>& any_of) {
  return {list(any_of, "|"), [any_of](const Nlvr1Box&, const Nlvr1Item& item) {
            return std::find(any_of.begin(), any_of.end(), item.colour) != any_of.end();
          }};
}

ItemTerm has_shape(Nlvr1Shape shape) {
  return {name(shape), [shape](const Nlvr1Box&, const Nlvr1Item& item) { return item.shape == shape; }};
}

ItemTerm has_size(double size) {
  return {"size " + std::to_string(static_cast<int>(size)),
          [size](const Nlvr1Box&, const Nlvr1Item& item) { return item.size == size; }};
}

ItemTerm at_rank(int rank) {
  return {"rank " + std::to_string(rank),
          [rank](const Nlvr1Box& box, const Nlvr1Item& item) { return rank_from_base(box, item) == rank; }};
}

ItemTerm at_top_rank(int rank) {
  return {"top rank " + std::to_string(rank), [rank](const Nlvr1Box& box, const Nlvr1Item& item) {
            return std::count_if(box.begin(), box.end(), [&](const Nlvr1Item& other) { return other.y < item.y; }) ==
                   rank;
          }};
}

ItemTerm in_middle() {
  return {"in the middle", [](const Nlvr1Box& box, const Nlvr1Item& item) {
            return rank_from_base(box, item) > 0 && !at_top_rank(0).holds(box, item);
          }};
}

ItemTerm touches_any(const std::vector<Nlvr1Wall>& walls, const std::string& form) {
  return {"touches " + form, [walls](const Nlvr1Box&, const Nlvr1Item& item) {
            return std::any_of(walls.begin(), walls.end(), [&](Nlvr1Wall wall) { return touches(item, wall); });
          }};
}

ItemTerm touches_corner() {
  return {"touches a corner", [](const Nlvr1Box&, const Nlvr1Item& item) {
            return (touches(item, Nlvr1Wall::left) || touches(item, Nlvr1Wall::right)) &&
                   (touches(item, Nlvr1Wall::top) || touches(item, Nlvr1Wall::bottom));
          }};
}

ItemTerm in_box(const BoxTerm& term) {
  return {"in a box: " + term.form, [term](const Nlvr1Box& box, const Nlvr1Item&) { return term.holds(box); }};
}

ItemTerm on(const ItemTerm& lower) {
  return {"on(" + lower.form + ")", [lower](const Nlvr1Box& box, const Nlvr1Item& item) {
            return std::any_of(box.begin(), box.end(), [&](const Nlvr1Item& other) {
              return stands_on(item, other) && lower.holds(box, other);
            });
          }};
}

ItemTerm below(const ItemTerm& upper) {
  return {"below(" + upper.form + ")", [upper](const Nlvr1Box& box, const Nlvr1Item& item) {
            return std::any_of(box.begin(), box.end(), [&](const Nlvr1Item& other) {
              return stands_on(other, item) && upper.holds(box, other);
            });
          }};
}

ItemTerm beside(const ItemTerm& other) {
  const ItemTerm upper = on(other), lower = below(other);
  return {"next to(" + other.form + ")", [upper, lower](const Nlvr1Box& box, const Nlvr1Item& item) {
            return upper.holds(box, item) || lower.holds(box, item);
          }};
}

ItemTerm between(const ItemTerm& both_sides) { return both<Nlvr1Box, Nlvr1Item>({on(both_sides), below(both_sides)}); }

BoxTerm count(const ItemTerm& term, const Quantity& quantity, const std::vector<BoxTerm>& of_those) {
  const BoxTerm those = both(of_those);
  return {"count(" + term.form + ") = " + quantity.form() + (those.form.empty() ? "" : " with " + those.form),
          [term, quantity, those](const Nlvr1Box& box) {
            const Nlvr1Box some = chosen(box, term);
            return quantity.contains(some.size()) && those.holds(some);
          }};
}

BoxTerm all_items(const ItemTerm& term) {
  return {"all " + term.form,
          [term](const Nlvr1Box& box) { return !box.empty() && chosen(box, term).size() == box.size(); }};
}

BoxTerm all_coloured(const std::vector<Nlvr1Colour>& any_of, bool every) {
  const BoxTerm all = all_items(has_colour(any_of));
  return every ? both<Nlvr1Box>({all, shows_colours(any_of)}) : all;
}

BoxTerm colours_shown(const Quantity& quantity) {
  return {"colours = " + quantity.form(), [quantity](const Nlvr1Box& box) {
            return quantity.contains(kinds(box, [](const Nlvr1Item& item) { return item.colour; }));
          }};
}

BoxTerm shows_colours(const std::vector<Nlvr1Colour>& each) {
  return {"shows " + list(each, "&"), [each](const Nlvr1Box& box) {
            return std::all_of(each.begin(), each.end(), [&](Nlvr1Colour colour) {
              return std::any_of(box.begin(), box.end(), [&](const Nlvr1Item& item) { return item.colour == colour; });
            });
          }};
}

BoxTerm shapes_shown(const Quantity& quantity) {
  return {"shapes = " + quantity.form(), [quantity](const Nlvr1Box& box) {
            return quantity.contains(kinds(box, [](const Nlvr1Item& item) { return item.shape; }));
          }};
}

BoxesTerm count_boxes(const BoxTerm& term, const Quantity& quantity) {
  return {"boxes(" + term.form + ") = " + quantity.form(), [term, quantity](const Nlvr1Boxes& boxes) {
            return quantity.contains(static_cast<std::size_t>(std::count_if(boxes.begin(), boxes.end(), term.holds)));
          }};
}

BoxesTerm count_items(const ItemTerm& term, const Quantity& quantity) {
  return {"items(" + term.form + ") = " + quantity.form(), [term, quantity](const Nlvr1Boxes& boxes) {
            std::size_t n = 0;
            for (const Nlvr1Box& box : boxes) n += chosen(box, term).size();
            return quantity.contains(n);
          }};
}

BoxesTerm alike(const BoxTerm& term, const Quantity& quantity, const std::string& form,
                const std::function<int(const Nlvr1Box&)>& property) {
  return {"alike in " + form + "(" + term.form + ") = " + quantity.form(),
          [term, quantity, property](const Nlvr1Boxes& boxes) {
            std::map<int, std::size_t> groups;
            std::size_t most = 0;
            for (const Nlvr1Box& box : boxes)
              if (term.holds(box)) most = std::max(most, ++groups[property(box)]);
            return quantity.contains(most);
          }};
}

}  // namespace cigli
