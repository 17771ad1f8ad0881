#include "dataset/json_line.h"

#include "runtime/error.h"
#include "runtime/text.h"

namespace cigli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kLongestLine = std::size_t{1} << 20;
constexpr int kDeepest = 64;     // copying and printing JSON recurse
constexpr int kMostKeys = 4096;  // each is looked for among those before it

}  // namespace

Json parse_json_line(std::string_view line) {
  if (line.size() > kLongestLine)
    throw Error("line of " + human_bytes(static_cast<double>(line.size())) + ", expected at most " +
                human_bytes(kLongestLine));
  if (const std::size_t at = invalid_utf8(line); at != std::string_view::npos)
    throw Error("byte " + std::to_string(at + 1) + " of the line is not UTF-8");
  Json object;
  try {
    int keys = 0;
    object = Json::parse(line.begin(), line.end(), [&](int depth, Json::parse_event_t event, Json&) {
      if (depth > kDeepest) throw Error("JSON nested deeper than " + std::to_string(kDeepest) + " levels");
      keys += event == Json::parse_event_t::key;
      if (keys > kMostKeys) throw Error("JSON of more than " + std::to_string(kMostKeys) + " keys");
      return true;
    });
  } catch (const Json::parse_error& error) {
    throw Error("malformed JSON at byte " + std::to_string(error.byte) + " of the line, expected one object a line");
  } catch (const Json::exception&) {  // a number out of range
    throw Error("malformed JSON, expected one object a line");
  }
  if (!object.is_object()) throw Error(std::string("a JSON ") + object.type_name() + ", expected an object");
  return object;
}

std::string string_member(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) throw Error(std::string("no key \"") + key + "\"");
  if (!found->is_string())
    throw Error(std::string("key \"") + key + "\" is a JSON " + found->type_name() + ", expected a string");
  std::string value = found->get<std::string>();
  if (value.find_first_not_of(" \t\r\n") == std::string::npos) throw Error(std::string("empty \"") + key + "\"");
  if (value.find('\0') != std::string::npos) throw Error(std::string("NUL character in \"") + key + "\"");
  return value;
}

}  // namespace cigli
