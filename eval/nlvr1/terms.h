#pragma once

#include <functional>
#include <string>
#include <vector>

#include "eval/nlvr1/box.h"

namespace cigli {

// A piece of logical form: as text, and as what it says of its arguments.
template <class... Arguments>
struct Nlvr1Term {
  std::string form;
  std::function<bool(const Arguments&...)> holds;
};
using ItemTerm = Nlvr1Term<Nlvr1Box, Nlvr1Item>;  // of an item in its box
using BoxTerm = Nlvr1Term<Nlvr1Box>;              // of a box, or of the items chosen from one
using BoxesTerm = Nlvr1Term<Nlvr1Boxes>;          // of all three

// How many: low <= n <= high.
struct Quantity {
  int low = 1, high = 1000;
  bool contains(std::size_t n) const { return static_cast<int>(n) >= low && static_cast<int>(n) <= high; }
  std::string form() const;  // "2..5", "2..", "2"
};

// All terms hold; true of everything when there is none.
template <class... Arguments>
Nlvr1Term<Arguments...> both(const std::vector<Nlvr1Term<Arguments...>>& terms) {
  std::string form;
  for (const auto& term : terms) form += (form.empty() ? "" : " & ") + term.form;
  return {form, [terms](const Arguments&... arguments) {
            for (const auto& term : terms)
              if (!term.holds(arguments...)) return false;
            return true;
          }};
}

template <class... Arguments>
Nlvr1Term<Arguments...> negated(const Nlvr1Term<Arguments...>& term) {
  return {"not(" + term.form + ")", [term](const Arguments&... arguments) { return !term.holds(arguments...); }};
}

// The items of the box for which the term holds.
Nlvr1Box chosen(const Nlvr1Box& box, const ItemTerm& term);

ItemTerm any_item();
ItemTerm has_colour(const std::vector<Nlvr1Colour>& any_of);
ItemTerm has_shape(Nlvr1Shape shape);
ItemTerm has_size(double size);
ItemTerm at_rank(int rank);      // from the base, 0 being the lowest
ItemTerm at_top_rank(int rank);  // from the top, 0 being the highest
ItemTerm in_middle();            // neither lowest nor highest
ItemTerm touches_any(const std::vector<Nlvr1Wall>& walls, const std::string& form);
ItemTerm touches_corner();
ItemTerm in_box(const BoxTerm& term);  // its box is so
// Another item of the box, for which the term holds, stands directly below or above, or on either side of it.
ItemTerm on(const ItemTerm& lower);
ItemTerm below(const ItemTerm& upper);
ItemTerm beside(const ItemTerm& other);  // above or below
ItemTerm between(const ItemTerm& both_sides);

BoxTerm count(const ItemTerm& term, const Quantity& quantity, const std::vector<BoxTerm>& of_those = {});
BoxTerm all_items(const ItemTerm& term);                                   // of one or more
BoxTerm all_coloured(const std::vector<Nlvr1Colour>& any_of, bool every);  // every: and each of the colours is there
BoxTerm colours_shown(const Quantity& quantity);
BoxTerm shows_colours(const std::vector<Nlvr1Colour>& each);
BoxTerm shapes_shown(const Quantity& quantity);

// So many of the three boxes are so; so many items of all three.
BoxesTerm count_boxes(const BoxTerm& term, const Quantity& quantity);
BoxesTerm count_items(const ItemTerm& term, const Quantity& quantity);
// The largest set of boxes alike in `property` (a number for each box), among those for which the term holds, counts.
BoxesTerm alike(const BoxTerm& term, const Quantity& quantity, const std::string& form,
                const std::function<int(const Nlvr1Box&)>& property);

}  // namespace cigli
