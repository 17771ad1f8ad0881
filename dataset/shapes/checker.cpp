#include "dataset/shapes/checker.h"

#include <algorithm>
#include <cmath>

#include "dataset/shapes/reader.h"
#include "runtime/error.h"

namespace cigli {
namespace {

bool large(const World& world, const Object& object) {
  return object.radius > std::sqrt(world.radii.front() * world.radii.back());
}

bool answers(const World& world, const Wanted& wanted, const Object& shown) {
  const Object& object = wanted.object;
  if (shown.shape != object.shape) return false;
  if (!wanted.any_colour && shown.colour != object.colour) return false;
  if (world.sizes && !wanted.any_radius && large(world, shown) != large(world, object)) return false;
  if (!wanted.any_place) return distance(shown, object) <= place_tolerance;
  return !wanted.relation || stands(*wanted.relation, shown.x, shown.y, place_tolerance);
}

// Assigns as many wanted objects as possible to different shown ones by augmenting paths (Kuhn 1955). Once assigned, a
// wanted object stays so, hence those that come first are served first.
struct Assignment {
  Assignment(const World& w, const Outcome& outcome, const std::vector<Object>& objects)
      : world(w), wanted(outcome), shown(objects), owner(objects.size(), -1), served(outcome.size(), false) {
    for (const bool touched : {false, true})
      for (std::size_t i = 0; i < wanted.size(); ++i) {
        if (wanted[i].touched != touched) continue;
        std::vector<bool> tried(shown.size(), false);
        served[i] = serve(i, tried);
      }
  }

  bool serve(std::size_t i, std::vector<bool>& tried) {
    for (std::size_t j = 0; j < shown.size(); ++j) {
      if (tried[j] || !answers(world, wanted[i], shown[j])) continue;
      tried[j] = true;
      if (owner[j] >= 0 && !serve(static_cast<std::size_t>(owner[j]), tried)) continue;
      owner[j] = static_cast<int>(i);
      return true;
    }
    return false;
  }

  const World& world;
  const Outcome& wanted;
  const std::vector<Object>& shown;
  std::vector<int> owner;    // of each shown object: the wanted one that it serves, or -1
  std::vector<bool> served;  // each wanted object
};

std::string describe(const Object& o) {
  return name(o.colour) + " " + name(o.shape) + " at (" + std::to_string(std::lround(o.x)) + ", " +
         std::to_string(std::lround(o.y)) + ")";
}

void fail(Verdict& verdict, bool& part, const std::string& reason) {
  part = verdict.holds = false;
  if (verdict.reason.empty()) verdict.reason = reason;
}

Verdict judge(const World& world, const Scene& prompt, const Outcome& outcome, const Scene& shown) {
  Verdict verdict{true, true, true, ""};
  const Assignment assignment(world, outcome, shown.objects);
  for (std::size_t i = 0; i < outcome.size(); ++i) {
    if (assignment.served[i]) continue;
    const Wanted& wanted = outcome[i];
    const std::string what =
        wanted.any_place ? name(wanted.object.shape) + " that the sentence asks for" : describe(wanted.object);
    fail(verdict, wanted.touched ? verdict.program : verdict.unchanged, "no " + what);
  }
  for (std::size_t j = 0; j < shown.objects.size(); ++j) {
    if (assignment.owner[j] >= 0) continue;
    // An object of the prompt that should have been changed or removed is the program's failure.
    const Object& extra = shown.objects[j];
    const bool left_over = std::any_of(prompt.objects.begin(), prompt.objects.end(), [&](const Object& o) {
      return o.shape == extra.shape && o.colour == extra.colour && distance(o, extra) <= place_tolerance &&
             std::none_of(outcome.begin(), outcome.end(),
                          [&](const Wanted& wanted) { return !wanted.touched && wanted.object == o; });
    });
    fail(verdict, left_over ? verdict.program : verdict.unchanged, "an unwanted " + describe(extra));
  }
  return verdict;
}

const nlohmann::ordered_json& member(const nlohmann::ordered_json& object, const char* key, const std::string& where) {
  const auto found = object.find(key);
  if (found == object.end()) throw Error(where + ": the program lacks \"" + key + "\"");
  return *found;
}

std::string text_member(const nlohmann::ordered_json& object, const char* key, const std::string& where) {
  const nlohmann::ordered_json& value = member(object, key, where);
  if (!value.is_string()) throw Error(where + ": the program's \"" + key + "\" is no text");
  return value.get<std::string>();
}

}  // namespace

Verdict check_scene(const World& world, const Scene& prompt, const Program& program, const Scene& shown) {
  Verdict best;
  best.reason = "the program can't be said of its prompt";
  const std::vector<Outcome> all = outcomes(world, prompt, program);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Verdict verdict = judge(world, prompt, all[i], shown);
    if (i == 0 || verdict.holds) best = verdict;
    if (best.holds) break;
  }
  return best;
}

Verdict check(const World& world, const Scene& prompt, const Program& program, const Image& generated) {
  Verdict verdict;
  if (generated.width != generated.height || generated.width < 16) {
    verdict.reason = "the image is " + std::to_string(generated.width) + " x " + std::to_string(generated.height) +
                     ", not square and at least 16 pixels a side";
    return verdict;
  }
  const Reading reading = read_scene(generated, world);
  verdict = check_scene(world, prompt, program, reading.scene);
  for (const std::string& unclear : reading.unclear) fail(verdict, verdict.unchanged, unclear);
  if (distance(reading.scene.background, prompt.background) > background_tolerance)
    fail(verdict, verdict.unchanged, "the background has changed");
  return verdict;
}

Verdict check_row(const nlohmann::ordered_json& row, const Image& generated) {
  const std::string id = row.is_object() && row.contains("id") && row["id"].is_string() ? row["id"] : "";
  const std::string where = "row \"" + id + "\"";
  if (!row.is_object() || !row.contains("program") || !row["program"].is_object())
    throw Error(where + ": expected an object \"program\" of a synthetic world");
  const nlohmann::ordered_json& judged = row["program"];
  const std::string name = text_member(judged, "world", where);
  const auto known = std::find(world_names().begin(), world_names().end(), name);
  if (known == world_names().end()) throw Error(where + ": unknown world \"" + name + "\"");
  const World& world = world_named(name);
  const Scene prompt = scene_from_json(member(judged, "prompt", where), where);
  const Program program =
      program_from_json(text_member(judged, "family", where), member(judged, "arguments", where), where);
  if (outcomes(world, prompt, program).empty()) throw Error(where + ": the program can't be said of its prompt");
  return check(world, prompt, program, generated);
}

}  // namespace cigli
