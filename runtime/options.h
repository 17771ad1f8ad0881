#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "runtime/error.h"

namespace cigli {

// Allowed closed interval of a numeric option.
struct Range {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
};

// Allowed values of a string option; of a number that may be absent, words that say that it is.
struct Choices {
  std::vector<std::string> values;
};

// The option must be given by the user (file or flag).
struct Required {};

// A value of a list may hold commas: on the command line only repetition adds one.
struct Whole {};

// One option: its dotted name, where its value lives, one line of help, what it may hold.
struct Field {
  using Value =
      std::variant<bool*, std::int64_t*, double*, std::string*, std::vector<std::string>*, std::vector<std::int64_t>*,
                   std::optional<std::int64_t>*, std::optional<double>*, std::optional<std::string>*>;
  std::string name;
  Value value;
  std::string help;
  Range range;
  std::vector<std::string> choices;
  bool required = false, whole = false;
};

// The list of an options struct's fields, filled by the struct's one statement of them:
//
//   struct FusionOptions {
//     std::int64_t width = 128;
//     void visit(Fields& f) { f("width", width, "channels of a condition token", Range{8, 4096}); }
//   };
//
// TOML keys, flags (`--fusion.width 256`), help, validation and printing all come from it. `width` is stored under
// its dotted name; underscores in names are written as dashes in flags, and either is accepted.
class Fields {
 public:
  template <class T, class... Limits>
  void operator()(std::string_view name, T& value, std::string_view help, const Limits&... limits) {
    Field field;
    field.name = prefix_ + std::string(name);
    field.value = &value;
    field.help = std::string(help);
    (apply(field, limits), ...);
    all_.push_back(std::move(field));
  }

  // A nested options struct; its names get `name.` in front.
  template <class Options>
  void group(std::string_view name, Options& options) {
    const std::string outer = prefix_;
    prefix_ += std::string(name) + ".";
    options.visit(*this);
    prefix_ = outer;
  }

  const std::vector<Field>& all() const { return all_; }

 private:
  static void apply(Field& field, const Range& range) { field.range = range; }
  static void apply(Field& field, const Choices& choices) { field.choices = choices.values; }
  static void apply(Field& field, Required) { field.required = true; }
  static void apply(Field& field, Whole) { field.whole = true; }

  std::string prefix_;
  std::vector<Field> all_;
};

template <class Options>
Fields fields_of(Options& options) {
  Fields fields;
  options.visit(fields);
  return fields;
}

// Reads a TOML file (or text; `where` names it in messages) over the fields' present values. An unknown key, a wrong
// type or a value out of range throws Error naming the file, line, key and, for unknown keys, the nearest known one.
void read_toml(const Fields& fields, const std::filesystem::path& file);
void read_toml_text(const Fields& fields, std::string_view text, const std::string& where);
// The same from a JSON object with nested groups. Missing keys keep their values.
void read_json(const Fields& fields, const nlohmann::json& object, const std::string& where);

// The resolved values; read_toml_text(write_toml(x)) and read_json(write_json(x)) give x back. Unset optionals are left
// out.
std::string write_toml(const Fields& fields);
nlohmann::json write_json(const Fields& fields);

// What stands behind the command's name on the command line.
struct Arguments {
  std::string command;  // as the user types it: "data synth"
  std::string summary;  // one line, for --help
  std::vector<std::string> words;
};

// Thrown by parse when --help was asked for; `main` prints the text to stdout and exits 0.
struct HelpRequested {
  std::string text;
};

// Fills the fields from `--config FILE` (TOML) if given, then from flags: defaults < file < flags. `--name value`,
// `--name=value`; booleans take `--name` and `--no-name`; lists take commas (unless Whole) or repetition. Throws
// UsageError for an unknown flag (naming the nearest), a bad value or a missing required option; HelpRequested for
// --help. Positional words are allowed only for a field named "files" (vector<string>) or "file" (string).
void parse_arguments(const Fields& fields, const Arguments& arguments);

template <class Options>
Options parse(const Arguments& arguments) {
  Options options;
  parse_arguments(fields_of(options), arguments);
  return options;
}

}  // namespace cigli
