#include "dataset/shapes/program.h"
#include "runtime/error.h"

namespace cigli {
namespace {

const std::string& text(const nlohmann::ordered_json& arguments, const char* key, const std::string& where) {
  const auto found = arguments.find(key);
  if (found == arguments.end() || !found->is_string())
    throw Error(where + ": the program's arguments lack a text \"" + key + "\"");
  return found->get_ref<const std::string&>();
}

template <class Value>
Value known(const std::optional<Value>& value, const std::string& word, const std::string& where) {
  if (!value) throw Error(where + ": unknown value \"" + word + "\" among the program's arguments");
  return *value;
}

std::optional<Direction> direction_named(const std::string& word) {
  for (const Direction d : {Direction::left, Direction::right, Direction::above, Direction::below})
    if (name(d) == word) return d;
  return std::nullopt;
}

}  // namespace

nlohmann::ordered_json arguments_json(const Program& program) {
  const Signature& takes = signature(program.family);
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  if (takes.colour != Origin::none) json["colour"] = name(program.colour);
  if (takes.shape != Origin::none) json["shape"] = name(program.shape);
  if (takes.to_colour != Origin::none) json["to_colour"] = name(program.to_colour);
  if (takes.to_shape != Origin::none) json["to_shape"] = name(program.to_shape);
  if (takes.direction) json["direction"] = name(program.direction);
  return json;
}

Program program_from_json(const std::string& family, const nlohmann::ordered_json& arguments,
                          const std::string& where) {
  const Signature* takes = nullptr;
  for (const Signature& candidate : signatures())
    if (candidate.name == family) takes = &candidate;
  if (!takes) throw Error(where + ": unknown program family \"" + family + "\"");
  const auto colour = [&](const char* key) {
    const std::string& word = text(arguments, key, where);
    return known(colour_named(word), word, where);
  };
  const auto shape = [&](const char* key) {
    const std::string& word = text(arguments, key, where);
    return known(shape_named(word), word, where);
  };
  Program program;
  program.family = takes->family;
  if (takes->colour != Origin::none) program.colour = colour("colour");
  if (takes->shape != Origin::none) program.shape = shape("shape");
  if (takes->to_colour != Origin::none) program.to_colour = colour("to_colour");
  if (takes->to_shape != Origin::none) program.to_shape = shape("to_shape");
  if (takes->direction) {
    const std::string& word = text(arguments, "direction", where);
    program.direction = known(direction_named(word), word, where);
  }
  return program;
}

}  // namespace cigli
