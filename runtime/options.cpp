#include "runtime/options.h"

#include <toml++/toml.h>

#include <algorithm>
#include <cstdio>

#include "runtime/field_values.h"
#include "runtime/files.h"

namespace cigli {
namespace {

using nlohmann::json;

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

void read_object(const Fields& fields, const json& object, const std::string& prefix, const std::string& where) {
  if (!object.is_object()) throw Error(where + ": found " + describe(object) + ", expected a JSON object");
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

std::string toml_of(bool value) { return value ? "true" : "false"; }
std::string toml_of(std::int64_t value) { return std::to_string(value); }
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

}  // namespace

std::set<std::string> read_toml_names(const Fields& fields, const std::filesystem::path& file) {
  return apply_toml(fields, read_file(file, std::uint64_t{1} << 24), file.string());
}

void read_toml(const Fields& fields, const std::filesystem::path& file) { read_toml_names(fields, file); }

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

}  // namespace cigli
