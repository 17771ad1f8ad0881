#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "runtime/options.h"

// What reading files and reading flags share; options.h is what other folders include.
namespace cigli {

template <class T>
struct Element {  // the type of one value: lists and optionals are seen through
  using type = T;
};
template <class T>
struct Element<std::vector<T>> {
  using type = T;
};
template <class T>
struct Element<std::optional<T>> {
  using type = T;
};

template <class T>
inline constexpr bool is_list = false;
template <class T>
inline constexpr bool is_list<std::vector<T>> = true;

// Calls `visit` with the field's storage and returns its answer.
template <class Visit>
auto with_value(const Field& field, Visit visit) {
  return std::visit([&](auto* value) { return visit(*value); }, field.value);
}

bool holds_list(const Field& field);
bool holds_bool(const Field& field);

// The shortest text that reads back as the same number.
std::string show_number(double value);
// "between 1 and 9", "at least 1", or "" for a range without ends.
std::string show_range(const Range& range);
// The present value as a flag would give it: "0.5", "a,b"; "" for an unset optional.
std::string show_value(const Field& field);
// What the field takes: "an integer, between 1 and 9", "one of a, b".
std::string expectation(const Field& field);

// A value as a message shows it, short whatever its size and depth.
std::string describe(const nlohmann::json& value);
// Sets the field, or throws Error "<where><name>: found ..., expected ...".
void assign(const Field& field, const nlohmann::json& from, const std::string& where, const std::string& name);

// The first 60 bytes of a text that somebody gave, for a message.
std::string shorten(const std::string& text);
std::string join(const std::vector<std::string>& words, const std::string& between);
// The known name that was probably meant, or "". A name given without its group finds the full one.
std::string suggestion(const std::string& name, const std::vector<std::string>& known);

// "fusion" of "fusion.width"; "" at the top level.
std::string group_of(const std::string& name);

// read_toml, returning the names that the file gave a value.
std::set<std::string> read_toml_names(const Fields& fields, const std::filesystem::path& file);

}  // namespace cigli
