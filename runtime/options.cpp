#include "runtime/options.h"

#include <toml++/toml.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cxxopts.hpp>
#include <set>
#include <sstream>
#include <type_traits>

#include "runtime/files.h"
#include "runtime/text.h"

namespace cigli {
namespace {

using nlohmann::json;

template <class T>
struct Element {  // what one value of a field is: vectors and optionals are seen through
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

bool holds_list(const Field& field) {
  return with_value(field, [](auto& value) { return is_list<std::decay_t<decltype(value)>>; });
}

bool holds_bool(const Field& field) { return std::holds_alternative<bool*>(field.value); }

// The shortest text that reads back as the same number.
std::string show_number(double value) {
  char text[32];
  return std::string(text, std::to_chars(text, text + sizeof text, value).ptr);
}

std::string show_range(const Range& range) {
  if (std::isfinite(range.min) && std::isfinite(range.max)) {
    return "between " + show_number(range.min) + " and " + show_number(range.max);
  }
  if (std::isfinite(range.min)) return "of at least " + show_number(range.min);
  if (std::isfinite(range.max)) return "of at most " + show_number(range.max);
  return "";
}

std::string join(const std::vector<std::string>& words, const std::string& between) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : between) + word;
  return text;
}

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

// What a field takes, for messages: "an integer between 1 and 4096", "one of a, b".
std::string expectation(const Field& field) {
  const std::string kind = with_value(field, [&](auto& value) -> std::string {
    using T = typename Element<std::decay_t<decltype(value)>>::type;
    if constexpr (std::is_same_v<T, bool>) return "true or false";
    if constexpr (std::is_same_v<T, std::int64_t>) return "an integer";
    if constexpr (std::is_same_v<T, double>) return "a number";
    return field.choices.empty() ? "a string" : "one of " + join(field.choices, ", ");
  });
  const std::string range = show_range(field.range);
  return (holds_list(field) ? "a list, each " : "") + kind + (range.empty() ? "" : " " + range);
}

std::string shorten(std::string text) {
  constexpr std::size_t kLongest = 60;
  if (text.size() > kLongest) text = text.substr(0, kLongest) + "...";
  return text;
}

bool in_range(double value, const Range& range) { return value >= range.min && value <= range.max; }

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
  if (!choices.empty() && std::find(choices.begin(), choices.end(), text) == choices.end()) return false;
  value = text;
  return true;
}

template <class T>
bool take(const json& from, const Field& field, std::optional<T>& value) {
  T inner{};
  if (!take(from, field, inner)) return false;
  value = std::move(inner);
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

// Sets the field or throws Error "where: name: found ..., expected ...".
void assign(const Field& field, const json& from, const std::string& where, const std::string& name) {
  if (with_value(field, [&](auto& value) { return take(from, field, value); })) return;
  throw Error(where + name + ": found " + shorten(from.dump(-1, ' ', false, json::error_handler_t::replace)) +
              ", expected " + expectation(field));
}

const Field* find(const Fields& fields, const std::string& name) {
  for (const Field& field : fields.all()) {
    if (field.name == name) return &field;
  }
  return nullptr;
}

bool is_group(const Fields& fields, const std::string& name) {
  return std::any_of(fields.all().begin(), fields.all().end(),
                     [&](const Field& field) { return field.name.compare(0, name.size() + 1, name + ".") == 0; });
}

// ", did you mean X?", or "" when nothing is near. A name given without its group finds the full one.
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

[[noreturn]] void unknown_key(const Fields& fields, const std::string& name, const std::string& where) {
  std::vector<std::string> known;
  for (const Field& field : fields.all()) known.push_back(field.name);
  const std::string best = suggestion(name, known);
  throw Error(where + "unknown key '" + shorten(name) + "'" + (best.empty() ? "" : ", did you mean '" + best + "'?"));
}

std::string position(const std::string& where, const toml::source_position& at) {
  return where + ":" + std::to_string(at.line) + ":" + std::to_string(at.column) + ": ";
}

json to_json(const toml::node& node) {
  if (const auto value = node.as_boolean()) return value->get();
  if (const auto value = node.as_integer()) return value->get();
  if (const auto value = node.as_floating_point()) return value->get();
  if (const auto value = node.as_string()) return value->get();
  if (const auto array = node.as_array()) {
    json list = json::array();
    for (const toml::node& element : *array) list.push_back(to_json(element));
    return list;
  }
  return node.is_table() ? json::object() : json("a date or time");
}

void read_table(const Fields& fields, const toml::table& table, const std::string& prefix, const std::string& where,
                std::set<std::string>& given) {
  for (const auto& [key, node] : table) {
    const std::string name = prefix + std::string(key.str());
    const std::string here = position(where, key.source().begin);
    if (const Field* field = find(fields, name)) {
      assign(*field, to_json(node), here, name);
      given.insert(name);
    } else if (is_group(fields, name)) {
      if (!node.is_table()) throw Error(here + name + ": found a value, expected a table [" + name + "]");
      read_table(fields, *node.as_table(), name + ".", where, given);
    } else {
      unknown_key(fields, name, here);
    }
  }
}

// Returns the names that the text gave a value.
std::set<std::string> apply_toml(const Fields& fields, std::string_view text, const std::string& where) {
  std::set<std::string> given;
  try {
    read_table(fields, toml::parse(text), "", where, given);
  } catch (const toml::parse_error& error) {
    throw Error(position(where, error.source().begin) + std::string(error.description()));
  }
  return given;
}

std::set<std::string> apply_toml_file(const Fields& fields, const std::filesystem::path& file) {
  return apply_toml(fields, read_file(file, std::uint64_t{1} << 24), file.string());
}

void read_object(const Fields& fields, const json& object, const std::string& prefix, const std::string& where) {
  if (!object.is_object()) throw Error(where + ": found " + shorten(object.dump()) + ", expected a JSON object");
  for (const auto& [key, value] : object.items()) {
    const std::string name = prefix + key;
    if (const Field* field = find(fields, name)) {
      assign(*field, value, where + ": ", name);
    } else if (is_group(fields, name)) {
      read_object(fields, value, name + ".", where);
    } else {
      unknown_key(fields, name, where + ": ");
    }
  }
}

std::string toml_of(bool value) { return show(value); }
std::string toml_of(std::int64_t value) { return show(value); }
std::string toml_of(double value) {
  const std::string text = show_number(value);
  return text.find_first_of(".en") == std::string::npos ? text + ".0" : text;
}
std::string toml_of(const std::string& value) {
  std::string text = "\"";
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      text += {'\\', c};
    } else if (byte < 0x20 || byte == 0x7F) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04X", static_cast<unsigned>(byte));
      text += escape;
    } else {
      text += c;
    }
  }
  return text + "\"";
}
template <class T>
std::string toml_of(const std::vector<T>& values) {
  std::vector<std::string> words;
  for (const T& value : values) words.push_back(toml_of(value));
  return "[" + join(words, ", ") + "]";
}
template <class T>
std::string toml_of(const std::optional<T>& value) {
  return value ? toml_of(*value) : "";
}

template <class T>
json json_of(const T& value) {
  return value;
}
template <class T>
json json_of(const std::optional<T>& value) {
  return value ? json(*value) : json();
}

std::string group_of(const std::string& name) {
  const std::size_t dot = name.rfind('.');
  return dot == std::string::npos ? "" : name.substr(0, dot);
}

std::string dashed(std::string name) {
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

bool is_positional(const Field& field) { return field.name == "file" || field.name == "files"; }

std::string help_line(const Field& field) {
  std::string text = field.help;
  const std::string range = show_range(field.range);
  if (!field.choices.empty()) text += " [" + join(field.choices, " | ") + "]";
  if (!range.empty()) text += " [" + range.substr(range.find(' ') == 2 ? 3 : 0) + "]";
  const std::string value = with_value(field, [](auto& held) { return show(held); });
  if (field.required) return text + " (required)";
  if (holds_bool(field) && value == "true") return text + " (default: true; --no-" + dashed(field.name) + ")";
  if (holds_bool(field) || value.empty()) return text;
  return text + " (default: " + value + ")";
}

std::string argument_kind(const Field& field) {
  return with_value(field, [](auto& value) -> std::string {
    using Held = std::decay_t<decltype(value)>;
    using T = typename Element<Held>::type;
    const std::string kind = std::is_same_v<T, std::int64_t> ? "INT" : std::is_same_v<T, double> ? "NUM" : "TEXT";
    return is_list<Held> ? kind + ",.." : kind;
  });
}

// cxxopts lays the text out; it doesn't read the words, because its patterns refuse flags of one letter, empty values
// and values of several lines.
std::string help_text(const Fields& fields, const Arguments& arguments) {
  cxxopts::Options options("cigli " + arguments.command, arguments.summary);
  std::vector<std::string> groups{""};
  std::string words = "[options]";
  for (const Field& field : fields.all()) {
    const std::string group = group_of(field.name);
    if (std::find(groups.begin(), groups.end(), group) == groups.end()) groups.push_back(group);
    std::shared_ptr<cxxopts::Value> kind = cxxopts::value<std::string>();
    if (holds_bool(field)) kind = cxxopts::value<bool>();
    options.add_option(group, "", cxxopts::OptionNames{dashed(field.name)}, help_line(field), kind,
                       argument_kind(field));
    if (is_positional(field)) words += field.name == "file" ? " FILE" : " FILE...";
  }
  options.add_option("", "", "config", "TOML file with any of these options; flags win", cxxopts::value<std::string>(),
                     "FILE");
  options.add_option("", "", "help", "this text", cxxopts::value<bool>(), "");
  options.custom_help(words);
  options.positional_help("");
  options.set_width(100);
  return options.help(groups);
}

[[noreturn]] void unknown_flag(const Fields& fields, const Arguments& arguments, const std::string& flag) {
  std::vector<std::string> known{"config", "help"};
  for (const Field& field : fields.all()) known.push_back(dashed(field.name));
  const std::string best = suggestion(dashed(flag), known);
  throw UsageError(
      "unknown flag '--" + shorten(flag) + "'" +
      (best.empty() ? ", see cigli " + arguments.command + " --help" : ", did you mean '--" + best + "'?"));
}

// The value of a flag as JSON of the field's own kind; text that isn't of that kind stays a string, which `assign`
// refuses by name.
json value_of_text(const Field& field, const std::string& text) {
  return with_value(field, [&](auto& value) -> json {
    using T = typename Element<std::decay_t<decltype(value)>>::type;
    if constexpr (std::is_same_v<T, bool>) {
      if (text == "true" || text == "1") return true;
      if (text == "false" || text == "0") return false;
    } else if constexpr (!std::is_same_v<T, std::string>) {
      T number{};
      const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
      if (code == std::errc() && end == text.data() + text.size() && !text.empty()) return number;
    }
    return text;
  });
}

json values_of_list(const Field& field, const std::string& text) {
  json list = json::array();
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');) list.push_back(value_of_text(field, part));
  return list;
}

struct Flag {
  std::string name, value;
  const Field* field = nullptr;  // absent for positional words
};

struct CommandLine {
  std::vector<Flag> flags;
  std::vector<std::string> positional;
  std::optional<std::string> config;
  bool help = false;
};

const Field* find_flag(const Fields& fields, const std::string& name) {
  for (const Field& field : fields.all()) {
    if (dashed(field.name) == dashed(name)) return &field;
  }
  return nullptr;
}

CommandLine split_words(const Fields& fields, const Arguments& arguments) {
  CommandLine line;
  const std::vector<std::string>& words = arguments.words;
  bool flags_end = false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--" && !flags_end) {
      flags_end = true;
      continue;
    }
    if (word == "-h" && !flags_end) {
      line.help = true;
      continue;
    }
    if (flags_end || word.size() < 2 || word[0] != '-') {
      line.positional.push_back(word);
      continue;
    }
    if (word[1] != '-') throw UsageError("unknown flag '" + shorten(word) + "', flags begin with two dashes");
    const std::size_t equals = word.find('=');
    const std::string name = word.substr(2, equals == std::string::npos ? equals : equals - 2);
    const Field* field = find_flag(fields, name);
    const auto value = [&] {
      if (equals != std::string::npos) return word.substr(equals + 1);
      if (field != nullptr && holds_bool(*field)) return std::string("true");
      if (i + 1 == words.size()) throw UsageError("--" + name + ": found nothing behind it, expected a value");
      return words[++i];
    };
    const Field* negated = name.compare(0, 3, "no-") == 0 ? find_flag(fields, name.substr(3)) : nullptr;
    if (field != nullptr) {
      line.flags.push_back({name, value(), field});
    } else if (negated != nullptr && holds_bool(*negated) && equals == std::string::npos) {
      line.flags.push_back({name, "false", negated});
    } else if (name == "config") {
      line.config = value();
    } else if (name == "help") {
      line.help = true;
    } else {
      unknown_flag(fields, arguments, name);
    }
  }
  return line;
}

void apply_flags(const std::vector<Flag>& flags, std::set<std::string>& given) {
  std::map<std::string, json> lists;
  for (const Flag& flag : flags) {
    if (invalid_utf8(flag.value) != std::string_view::npos) {
      throw Error("--" + flag.name + ": found bytes that are not UTF-8, expected " + expectation(*flag.field));
    }
    json value = value_of_text(*flag.field, flag.value);
    if (holds_list(*flag.field)) {
      json& list = lists.emplace(flag.field->name, json::array()).first->second;
      for (json& part : values_of_list(*flag.field, flag.value)) list.push_back(std::move(part));
      value = list;
    }
    assign(*flag.field, value, "--", flag.name);
    given.insert(flag.field->name);
  }
}

void apply_positional(const Fields& fields, const Arguments& arguments, const std::vector<std::string>& words,
                      std::set<std::string>& given) {
  if (words.empty()) return;
  const auto& all = fields.all();
  const auto field = std::find_if(all.begin(), all.end(), is_positional);
  if (field == all.end()) {
    throw UsageError("unexpected word '" + shorten(words[0]) + "', see cigli " + arguments.command + " --help");
  }
  if (!holds_list(*field) && words.size() > 1) {
    throw UsageError("unexpected word '" + shorten(words[1]) + "', expected one file");
  }
  assign(*field, holds_list(*field) ? json(words) : json(words[0]), "", field->name);
  given.insert(field->name);
}

}  // namespace

void read_toml(const Fields& fields, const std::filesystem::path& file) { apply_toml_file(fields, file); }

void read_toml_text(const Fields& fields, std::string_view text, const std::string& where) {
  apply_toml(fields, text, where);
}

void read_json(const Fields& fields, const json& object, const std::string& where) {
  read_object(fields, object, "", where);
}

std::string write_toml(const Fields& fields) {
  std::vector<std::pair<std::string, std::string>> groups{{"", ""}};  // top-level keys come before the first table
  for (const Field& field : fields.all()) {
    const std::string value = with_value(field, [](auto& held) { return toml_of(held); });
    if (value.empty()) continue;
    const std::string group = group_of(field.name);
    auto entry = std::find_if(groups.begin(), groups.end(), [&](const auto& known) { return known.first == group; });
    if (entry == groups.end()) entry = groups.insert(entry, {group, ""});
    const std::size_t key = group.empty() ? 0 : group.size() + 1;
    entry->second += field.name.substr(key) + " = " + value + "\n";
  }
  std::string text;
  for (const auto& [group, lines] : groups) {
    if (!group.empty()) text += (text.empty() ? "[" : "\n[") + group + "]\n";
    text += lines;
  }
  return text;
}

json write_json(const Fields& fields) {
  json object = json::object();
  for (const Field& field : fields.all()) {
    json value = with_value(field, [](auto& held) { return json_of(held); });
    if (value.is_null()) continue;
    std::string pointer = "/" + field.name;
    std::replace(pointer.begin(), pointer.end(), '.', '/');
    object[json::json_pointer(pointer)] = std::move(value);
  }
  return object;
}

void parse_arguments(const Fields& fields, const Arguments& arguments) {
  const CommandLine line = split_words(fields, arguments);
  if (line.help) throw HelpRequested{help_text(fields, arguments)};
  std::set<std::string> given;
  if (line.config) given = apply_toml_file(fields, *line.config);
  try {
    apply_flags(line.flags, given);
    apply_positional(fields, arguments, line.positional, given);
  } catch (const UsageError&) {
    throw;
  } catch (const Error& error) {
    throw UsageError(error.what());
  }
  for (const Field& field : fields.all()) {
    if (!field.required || given.count(field.name) != 0) continue;
    throw UsageError((is_positional(field) ? "a file" : "--" + dashed(field.name)) + " is required: " + field.help +
                     "; see cigli " + arguments.command + " --help");
  }
}

}  // namespace cigli
