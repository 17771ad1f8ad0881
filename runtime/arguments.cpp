#include <algorithm>
#include <charconv>
#include <cmath>
#include <cxxopts.hpp>
#include <map>
#include <set>
#include <sstream>

#include "runtime/field_values.h"
#include "runtime/options.h"
#include "runtime/text.h"

namespace cigli {
namespace {

using nlohmann::json;

std::string dashed(std::string name) {
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

bool is_positional(const Field& field) { return field.name == "file" || field.name == "files"; }

std::string help_line(const Field& field) {
  std::string text = field.help;
  const std::string range = show_range(field.range);
  if (!field.choices.empty()) text += " [" + join(field.choices, " | ") + "]";
  if (!range.empty()) text += " [" + range + "]";
  const std::string value = show_value(field);
  if (field.required) return text + " (required)";
  if (holds_bool(field) && value == "true") return text + " (default: true; --no-" + dashed(field.name) + ")";
  if (holds_bool(field) || value.empty()) return text;
  return text + " (default: " + value + ")";
}

std::string argument_kind(const Field& field) {
  if (field.whole) return "TEXT";
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
      if (code == std::errc() && end == text.data() + text.size() && std::isfinite(number)) return number;
    }
    return text;
  });
}

json values_of_list(const Field& field, const std::string& text) {
  if (field.whole) return json::array({text});
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

void parse_arguments(const Fields& fields, const Arguments& arguments) {
  const CommandLine line = split_words(fields, arguments);
  if (line.help) throw HelpRequested{help_text(fields, arguments)};
  std::set<std::string> given;
  if (line.config) given = read_toml_names(fields, *line.config);
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
