#include "dataset/shapes/program.h"

#include <algorithm>
#include <cmath>

#include "dataset/shapes/world.h"
#include "runtime/error.h"

namespace cigli {
namespace {

using Test = bool (*)(const Object&, const Program&);

bool has_colour(const Object& o, const Program& p) { return o.colour == p.colour; }
bool has_shape(const Object& o, const Program& p) { return o.shape == p.shape; }
bool is_subject(const Object& o, const Program& p) { return has_colour(o, p) && has_shape(o, p); }
bool has_to_shape(const Object& o, const Program& p) { return o.shape == p.to_shape; }
bool is_other(const Object& o, const Program& p) { return o.colour == p.to_colour && o.shape == p.to_shape; }

Outcome unchanged(const Scene& prompt) {
  Outcome outcome;
  for (const Object& object : prompt.objects) {
    Wanted wanted;
    wanted.object = object;
    outcome.push_back(wanted);
  }
  return outcome;
}

std::size_t count(const Outcome& outcome, Test test, const Program& program) {
  return static_cast<std::size_t>(
      std::count_if(outcome.begin(), outcome.end(), [&](const Wanted& w) { return test(w.object, program); }));
}

// The only object that passes, or null.
Wanted* only(Outcome& outcome, Test test, const Program& program) {
  if (count(outcome, test, program) != 1) return nullptr;
  return &*std::find_if(outcome.begin(), outcome.end(), [&](const Wanted& w) { return test(w.object, program); });
}

template <class Change>
void change(Outcome& outcome, Test test, const Program& program, const Change& to) {
  for (Wanted& wanted : outcome) {
    if (!test(wanted.object, program)) continue;
    wanted.touched = true;
    to(wanted.object);
  }
}

void remove(Outcome& outcome, Test test, const Program& program) {
  outcome.erase(
      std::remove_if(outcome.begin(), outcome.end(), [&](const Wanted& w) { return test(w.object, program); }),
      outcome.end());
}

void keep(Outcome& outcome, Test test, const Program& program) {
  Outcome kept;
  for (Wanted& wanted : outcome) {
    if (!test(wanted.object, program)) continue;
    wanted.touched = true;
    kept.push_back(wanted);
  }
  outcome = kept;
}

void add(Outcome& outcome, Shape shape, std::optional<Colour> colour, std::optional<Relation> relation = {}) {
  Wanted wanted;
  wanted.object.shape = shape;
  wanted.object.colour = colour.value_or(Colour::red);
  wanted.any_colour = !colour;
  wanted.touched = wanted.any_place = wanted.any_radius = true;
  wanted.relation = relation;
  outcome.push_back(wanted);
}

void mirror(Outcome& outcome) {
  for (Wanted& wanted : outcome) {
    wanted.object.x = scene_side - wanted.object.x;
    wanted.touched = true;
  }
}

// How far (x, y) lies in the direction from the relation's point, and how far off to the side.
std::pair<double, double> along_and_across(const Relation& r, double x, double y) {
  const double dx = x - r.x, dy = y - r.y;
  switch (r.direction) {
    case Direction::left:
      return {-dx, std::abs(dy)};
    case Direction::right:
      return {dx, std::abs(dy)};
    case Direction::above:
      return {-dy, std::abs(dx)};
    case Direction::below:
      return {dy, std::abs(dx)};
  }
  throw Error("no such direction");
}

// Two objects that differ too little for the eye to call one of them further left (right, ...) leave it open.
bool remove_beside(Outcome& outcome, const Program& program) {
  Wanted* reference = only(outcome, is_subject, program);
  if (!reference) return false;
  reference->touched = true;
  Outcome left;
  for (const Wanted& wanted : outcome) {
    const Relation relation{program.direction, reference->object.x, reference->object.y, false};
    const double along = along_and_across(relation, wanted.object.x, wanted.object.y).first;
    if (!wanted.touched && std::abs(along) < 4) return false;
    if (along <= 0) left.push_back(wanted);
  }
  outcome = left;
  return true;
}

bool resize_one(Outcome& outcome, const World& world, const Program& program, bool grow) {
  Wanted* subject = only(outcome, is_subject, program);
  if (!world.sizes || !subject) return false;
  const double from = grow ? world.radii.front() : world.radii.back();
  if (subject->object.radius != from) return false;
  subject->object.radius = grow ? world.radii.back() : world.radii.front();
  subject->touched = true;
  return true;
}

bool move_one(Outcome& outcome, const Program& program) {
  Wanted* subject = only(outcome, is_subject, program);
  if (!subject) return false;
  subject->relation = Relation{program.direction, subject->object.x, subject->object.y, true};
  subject->touched = subject->any_place = true;
  return true;
}

bool swap_places(Outcome& outcome, const Program& program) {
  Wanted *one = only(outcome, is_subject, program), *other = only(outcome, is_other, program);
  if (!one || !other || one == other) return false;
  std::swap(one->object.x, other->object.x);
  std::swap(one->object.y, other->object.y);
  one->touched = other->touched = true;
  return true;
}

bool take_colour(Outcome& outcome, const Program& program) {
  Wanted *one = only(outcome, has_shape, program), *other = only(outcome, has_to_shape, program);
  if (!one || !other || one->object.colour == other->object.colour) return false;
  one->object.colour = other->object.colour;
  one->touched = true;
  return true;
}

bool all_same(Outcome& outcome, const Program& program) {
  const Wanted* reference = only(outcome, has_shape, program);
  if (!reference) return false;
  const Colour colour = reference->object.colour;
  for (Wanted& wanted : outcome) {
    wanted.object.colour = colour;
    wanted.touched = true;
  }
  return true;
}

bool match_count(Outcome& outcome, const Program& program) {
  const std::size_t have = count(outcome, has_shape, program), want = count(outcome, has_to_shape, program);
  if (program.shape == program.to_shape || want <= have || want > have + 2) return false;
  for (std::size_t i = have; i < want; ++i) add(outcome, program.shape, std::nullopt);
  return true;
}

bool add_beside(Outcome& outcome, const Program& program) {
  const Wanted* reference = only(outcome, is_other, program);
  if (!reference) return false;
  const Object at = reference->object;
  add(outcome, program.shape, program.colour, Relation{program.direction, at.x, at.y, false});
  return true;
}

// Applies a program that has one outcome; false when it can't be said of these objects.
bool apply(Outcome& o, const World& world, const Program& p) {
  const auto recolour = [&](Object& object) { object.colour = p.to_colour; };
  const auto reshape = [&](Object& object) { object.shape = p.to_shape; };
  switch (p.family) {
    case Family::add:
      return add(o, p.shape, p.colour), true;
    case Family::recolour:
      return p.colour != p.to_colour && (change(o, has_colour, p, recolour), true);
    case Family::all_same:
      return all_same(o, p);
    case Family::mirror:
      return mirror(o), true;
    case Family::keep_shape:
      return keep(o, has_shape, p), true;
    case Family::keep_colour:
      return keep(o, has_colour, p), true;
    case Family::remove_shape:
      return remove(o, has_shape, p), true;
    case Family::remove_colour:
      return remove(o, has_colour, p), true;
    case Family::reshape:
      return p.shape != p.to_shape && (change(o, has_shape, p, reshape), true);
    case Family::recolour_shape:
      return change(o, has_shape, p, recolour), true;
    case Family::one_more:
      return count(o, has_shape, p) > 0 && (add(o, p.shape, std::nullopt), true);
    case Family::match_count:
      return match_count(o, p);
    case Family::add_beside:
      return add_beside(o, p);
    case Family::remove_beside:
      return remove_beside(o, p);
    case Family::move:
      return move_one(o, p);
    case Family::swap_places:
      return swap_places(o, p);
    case Family::take_colour:
      return take_colour(o, p);
    case Family::grow:
      return resize_one(o, world, p, true);
    case Family::shrink:
      return resize_one(o, world, p, false);
    case Family::remove_and_add: {
      const std::size_t before = o.size();
      remove(o, has_shape, p);
      const bool removed = o.size() < before && !o.empty();
      add(o, p.to_shape, p.to_colour);
      return removed && p.to_shape != p.shape;
    }
    case Family::recolour_and_mirror: {
      if (p.colour == p.to_colour || count(o, has_colour, p) == 0) return false;
      change(o, has_colour, p, recolour);
      return mirror(o), true;
    }
    case Family::one_fewer:
      break;  // has several outcomes
  }
  return false;
}

std::vector<Outcome> one_fewer(const Scene& prompt, const Program& program) {
  std::vector<Outcome> result;
  const Outcome all = unchanged(prompt);
  if (count(all, has_shape, program) < 2) return {};
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!has_shape(all[i].object, program)) continue;
    Outcome outcome = all;
    outcome.erase(outcome.begin() + static_cast<std::ptrdiff_t>(i));
    result.push_back(outcome);
  }
  return result;
}

// Would the prompt itself pass for the outcome, or come near it? A twin of twice the checker's tolerance is too near.
bool shown_by(const Outcome& outcome, const Scene& prompt) {
  if (outcome.size() != prompt.objects.size()) return false;
  return std::all_of(outcome.begin(), outcome.end(), [&](const Wanted& w) {
    if (w.any_place) return false;
    return std::any_of(prompt.objects.begin(), prompt.objects.end(), [&](const Object& o) {
      return o.shape == w.object.shape && o.colour == w.object.colour && o.radius == w.object.radius &&
             distance(o, w.object) < 7;
    });
  });
}

}  // namespace

const std::string& name(Direction direction) {
  static const std::vector<std::string> names = {"left", "right", "above", "below"};
  return names[static_cast<std::size_t>(direction)];
}

const std::vector<Signature>& signatures() {
  constexpr Origin none = Origin::none, subject = Origin::subject, other = Origin::other, any = Origin::any;
  // family, name, colour, shape, to_colour, to_shape, direction
  static const std::vector<Signature> all = {
      {Family::add, "add", any, any},
      {Family::recolour, "recolour", subject, none, any},
      {Family::all_same, "all-same", none, subject},
      {Family::mirror, "mirror"},
      {Family::keep_shape, "keep-shape", none, subject},
      {Family::keep_colour, "keep-colour", subject},
      {Family::remove_shape, "remove-shape", none, subject},
      {Family::remove_colour, "remove-colour", subject},
      {Family::reshape, "reshape", none, subject, none, any},
      {Family::recolour_shape, "recolour-shape", none, subject, any},
      {Family::one_more, "one-more", none, subject},
      {Family::one_fewer, "one-fewer", none, subject},
      {Family::match_count, "match-count", none, any, none, subject},
      {Family::add_beside, "add-beside", any, any, other, other, true},
      {Family::remove_beside, "remove-beside", subject, subject, none, none, true},
      {Family::move, "move", subject, subject, none, none, true},
      {Family::swap_places, "swap-places", subject, subject, other, other},
      {Family::take_colour, "take-colour", none, subject, none, other},
      {Family::grow, "grow", subject, subject},
      {Family::shrink, "shrink", subject, subject},
      {Family::remove_and_add, "remove-and-add", none, subject, any, any},
      {Family::recolour_and_mirror, "recolour-and-mirror", subject, none, any}};
  return all;
}

const Signature& signature(Family family) { return signatures()[static_cast<std::size_t>(family)]; }
const std::string& name(Family family) { return signature(family).name; }

bool stands(const Relation& relation, double x, double y, double slack) {
  const auto [along, across] = along_and_across(relation, x, y);
  if (along < 10 - slack) return false;
  return relation.straight ? across <= slack : across <= 0.8 * along + slack;
}

std::vector<Outcome> outcomes(const World& world, const Scene& prompt, const Program& program) {
  std::vector<Outcome> result;
  if (program.family == Family::one_fewer) {
    result = one_fewer(prompt, program);
  } else {
    Outcome outcome = unchanged(prompt);
    if (apply(outcome, world, program)) result.push_back(outcome);
  }
  for (const Outcome& outcome : result)
    if (outcome.empty() || shown_by(outcome, prompt)) return {};
  return result;
}

}  // namespace cigli
