#include "eval/nlvr1/box.h"

#include <algorithm>
#include <cmath>

#include "runtime/error.h"

namespace cigli {
namespace {

using Json = nlohmann::ordered_json;

// Hundredths that may lie between what touches: a reader errs by less than 1. NLVR's towers leave 1 between blocks;
// drawn ones may leave more and are towers still.
constexpr double wall_gap = 2, stack_gap = 4;

double number(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number() || std::abs(found->get<double>()) > 1000)
    throw Error("structured_rep: an item without a sensible \"" + std::string(key) + "\", expected a number");
  return found->get<double>();
}

template <class Kind>
Kind choice(const Json& object, const char* key, const std::array<const char*, nlvr1_kinds>& names) {
  const auto found = object.find(key);
  if (found != object.end() && found->is_string())
    for (int i = 0; i < nlvr1_kinds; ++i)
      if (found->get_ref<const std::string&>() == names[static_cast<std::size_t>(i)]) return static_cast<Kind>(i);
  throw Error("structured_rep: an item without a known \"" + std::string(key) + "\", expected " + names[0] + ", " +
              names[1] + " or " + names[2]);
}

Nlvr1Item item_of(const Json& object) {
  if (!object.is_object()) throw Error("structured_rep: an item that is no object");
  Nlvr1Item item;
  item.x = number(object, "x_loc");
  item.y = number(object, "y_loc");
  item.size = number(object, "size");
  if (item.size != 10 && item.size != 20 && item.size != 30)
    throw Error("structured_rep: an item of size " + object.at("size").dump() + ", expected 10, 20 or 30");
  item.shape = choice<Nlvr1Shape>(object, "type", {"circle", "square", "triangle"});
  item.colour = choice<Nlvr1Colour>(object, "color", {"Black", "Yellow", "#0099ff"});
  return item;
}

}  // namespace

std::string name(Nlvr1Colour colour) {
  return std::array{"black", "yellow", "blue"}.at(static_cast<std::size_t>(colour));
}

std::string name(Nlvr1Shape shape) {
  return std::array{"circle", "square", "triangle"}.at(static_cast<std::size_t>(shape));
}

Nlvr1Boxes nlvr1_boxes(const Json& structured_rep) {
  if (!structured_rep.is_array() || structured_rep.size() != 3)
    throw Error("structured_rep: expected an array of three boxes");
  Nlvr1Boxes boxes;
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    if (!structured_rep[i].is_array()) throw Error("structured_rep: a box that is no array of items");
    for (const Json& item : structured_rep[i]) boxes[i].push_back(item_of(item));
  }
  return boxes;
}

bool is_tower(const Nlvr1Box& box) {
  Nlvr1Box blocks = box;
  std::sort(blocks.begin(), blocks.end(), [](const Nlvr1Item& a, const Nlvr1Item& b) { return a.y > b.y; });
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (blocks[i].shape != Nlvr1Shape::square || blocks[i].size != blocks[0].size) return false;
    if (i > 0 && (!stands_on(blocks[i], blocks[i - 1]) || std::abs(blocks[i].x - blocks[0].x) > blocks[0].size / 2))
      return false;
  }
  return !blocks.empty();
}

int rank_from_base(const Nlvr1Box& box, const Nlvr1Item& item) {
  const auto middle = [](const Nlvr1Item& i) { return i.y + i.size / 2; };
  return static_cast<int>(
      std::count_if(box.begin(), box.end(), [&](const Nlvr1Item& other) { return middle(other) > middle(item); }));
}

bool touches(const Nlvr1Item& item, Nlvr1Wall wall) {
  switch (wall) {
    case Nlvr1Wall::left:
      return item.x < wall_gap;
    case Nlvr1Wall::right:
      return item.right() > 100 - wall_gap;
    case Nlvr1Wall::top:
      return item.y < wall_gap;
    case Nlvr1Wall::bottom:
      return item.bottom() > 100 - wall_gap;
  }
  return false;
}

bool stands_on(const Nlvr1Item& upper, const Nlvr1Item& lower) {
  return std::abs(lower.y - upper.bottom()) <= stack_gap && upper.x < lower.right() && lower.x < upper.right();
}

}  // namespace cigli
