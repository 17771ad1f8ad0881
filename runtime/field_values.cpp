#include "runtime/field_values.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "runtime/text.h"

namespace cigli {
namespace {

using nlohmann::json;

std::string show(bool value) { return value ? "true" : "false"; }
std::string show(std::int64_t value) { return std::to_string(value); }
std::string show(double value) { return show_number(value); }
std::string show(const std::string& value) { return value; }
template <class T>
std::string show(const std::vector<T>& values) {
  std::vector<std::string> words;
  for (const T& value : values) words.push_back(show(value));
  return join(words, ",");
}
template <class T>
std::string show(const std::optional<T>& value) {
  return value ? show(*value) : "";
}

bool in_range(double value, const Range& range) { return value >= range.min && value <= range.max; }

bool contains(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool take(const json& from, const Field&, bool& value) {
  if (!from.is_boolean()) return false;
  value = from.get<bool>();
  return true;
}

bool take(const json& from, const Field& field, std::int64_t& value) {
  if (!from.is_number_integer()) return false;
  if (from.is_number_unsigned() && from.get<std::uint64_t>() > std::uint64_t{INT64_MAX}) return false;
  const auto number = from.get<std::int64_t>();
  if (!in_range(static_cast<double>(number), field.range)) return false;
  value = number;
  return true;
}

bool take(const json& from, const Field& field, double& value) {
  if (!from.is_number()) return false;
  const auto number = from.get<double>();
  if (!std::isfinite(number) || !in_range(number, field.range)) return false;
  value = number;
  return true;
}

bool take(const json& from, const Field& field, std::string& value) {
  if (!from.is_string()) return false;
  const auto& text = from.get_ref<const std::string&>();
  const auto& choices = field.choices;
  if (!choices.empty() && !contains(choices, text)) return false;
  value = text;
  return true;
}

template <class T>
bool take(const json& from, const Field& field, std::optional<T>& value) {
  T inner{};
  if (take(from, field, inner)) {
    value = std::move(inner);
    return true;
  }
  // A number's choices are words for its absence.
  if (std::is_same_v<T, std::string> || !from.is_string() || !contains(field.choices, from)) return false;
  value.reset();
  return true;
}

template <class T>
bool take(const json& from, const Field& field, std::vector<T>& values) {
  if (!from.is_array()) return false;
  std::vector<T> taken(from.size());
  for (std::size_t i = 0; i < taken.size(); ++i) {
    if (!take(from[i], field, taken[i])) return false;
  }
  values = std::move(taken);
  return true;
}

}  // namespace

bool holds_list(const Field& field) {
  return with_value(field, [](auto& value) { return is_list<std::decay_t<decltype(value)>>; });
}

bool holds_bool(const Field& field) { return std::holds_alternative<bool*>(field.value); }

std::string show_number(double value) {
  char text[32];
  return std::string(text, std::to_chars(text, text + sizeof text, value).ptr);
}

std::string show_range(const Range& range) {
  if (std::isfinite(range.min) && std::isfinite(range.max)) {
    return "between " + show_number(range.min) + " and " + show_number(range.max);
  }
  if (std::isfinite(range.min)) return "at least " + show_number(range.min);
  if (std::isfinite(range.max)) return "at most " + show_number(range.max);
  return "";
}

std::string show_value(const Field& field) {
  return with_value(field, [](auto& value) { return show(value); });
}

std::string expectation(const Field& field) {
  const std::string kind = with_value(field, [&](auto& value) -> std::string {
    using T = typename Element<std::decay_t<decltype(value)>>::type;
    if constexpr (std::is_same_v<T, bool>) return "true or false";
    if constexpr (std::is_same_v<T, std::int64_t>) return "an integer";
    if constexpr (std::is_same_v<T, double>) return "a number";
    return field.choices.empty() ? "a string" : "one of " + join(field.choices, ", ");
  });
  const std::string range = show_range(field.range);
  const bool worded = kind.rfind("one of", 0) != 0 && !field.choices.empty();
  return (holds_list(field) ? "a list, each " : "") + kind + (range.empty() ? "" : ", " + range) +
         (worded ? ", or " + join(field.choices, " or ") : "");
}

std::string shorten(const std::string& text) { return clipped(text, 60); }

std::string describe(const json& value) {
  if (value.is_object()) return "a group";
  if (!value.is_array()) return shorten(value.dump(-1, ' ', false, json::error_handler_t::replace));
  std::string text;
  for (std::size_t i = 0; i < value.size() && text.size() < 60; ++i) {
    text += (i == 0 ? "" : ", ") + (value[i].is_array() ? "a list" : describe(value[i]));
  }
  return shorten("[" + text + "]");
}

void assign(const Field& field, const json& from, const std::string& where, const std::string& name) {
  if (with_value(field, [&](auto& value) { return take(from, field, value); })) return;
  throw Error(where + name + ": found " + describe(from) + ", expected " + expectation(field));
}

std::string join(const std::vector<std::string>& words, const std::string& between) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : between) + word;
  return text;
}

std::string suggestion(const std::string& name, const std::vector<std::string>& known) {
  std::string best = nearest(name, known);
  for (const std::string& candidate : known) {
    const std::string tail = "." + name;
    const bool ends =
        candidate.size() > tail.size() && candidate.compare(candidate.size() - tail.size(), tail.size(), tail) == 0;
    if (best.empty() && ends) best = candidate;
  }
  return best;
}

std::string group_of(const std::string& name) {
  const std::size_t dot = name.rfind('.');
  return dot == std::string::npos ? "" : name.substr(0, dot);
}

}  // namespace cigli
