#include "encoders/html_entities.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <sstream>
#include <unordered_map>

namespace cigli {
namespace {

const std::unordered_map<std::string, std::string>& entities() {
  static const auto table = [] {
    std::unordered_map<std::string, std::string> names;
    std::istringstream in(html_names);
    for (std::string item; in >> item;) {
      const std::size_t equals = item.find('=');
      std::string name = item.substr(0, equals), value;
      for (const char* at = item.c_str() + equals; *at != '\0';) {
        char* next = nullptr;
        append_utf8(value, static_cast<char32_t>(std::strtoul(at + 1, &next, 16)));
        at = next;
      }
      if (name.back() == '*') {
        name.pop_back();
        names[name] = value;
      }
      names[name + ";"] = value;
    }
    return names;
  }();
  return table;
}

// What a numeric reference stands for: Windows-1252 for the C1 controls, nothing for codes that are no characters.
std::string numeric_reference(std::uint64_t code) {
  static constexpr char32_t windows[32] = {0x20ac, 0x81,   0x201a, 0x192,  0x201e, 0x2026, 0x2020, 0x2021,
                                           0x2c6,  0x2030, 0x160,  0x2039, 0x152,  0x8d,   0x17d,  0x8f,
                                           0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
                                           0x2dc,  0x2122, 0x161,  0x203a, 0x153,  0x9d,   0x17e,  0x178};
  std::string out;
  if (code == 0 || (code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff)
    append_utf8(out, 0xfffd);
  else if (code >= 0x80 && code <= 0x9f)
    append_utf8(out, windows[code - 0x80]);
  else if (!(code < 9 || code == 0xb || (code >= 0xe && code <= 0x1f) || code == 0x7f ||
             (code >= 0xfdd0 && code <= 0xfdef) || (code & 0xfffe) == 0xfffe))
    append_utf8(out, static_cast<char32_t>(code));
  return out;
}

struct Reference {
  std::string value;
  std::size_t length;  // bytes behind the ampersand
};

std::optional<Reference> parse_numeric(std::string_view text) {
  const bool hexadecimal = text.size() > 1 && (text[1] == 'x' || text[1] == 'X');
  const std::size_t first = hexadecimal ? 2 : 1;
  const std::string_view digits = hexadecimal ? "0123456789abcdefABCDEF" : "0123456789";
  const std::size_t last = std::min(text.find_first_not_of(digits, first), text.size());
  if (last == first) return std::nullopt;
  const std::string number(text.substr(first, last - first));
  return Reference{numeric_reference(std::strtoull(number.c_str(), nullptr, hexadecimal ? 16 : 10)),
                   last + (last < text.size() && text[last] == ';' ? 1 : 0)};
}

std::optional<Reference> parse_named(std::string_view text) {
  constexpr std::size_t longest_name = 32;
  std::size_t length = 0;
  while (length < std::min(text.size(), longest_name) &&
         std::string_view("\t\n\f <&#;").find(text[length]) == std::string_view::npos)
    ++length;
  if (length < text.size() && text[length] == ';') ++length;
  for (; length > 1; --length) {
    const auto found = entities().find(std::string(text.substr(0, length)));
    if (found != entities().end()) return Reference{found->second, length};
  }
  return std::nullopt;
}

}  // namespace

void append_utf8(std::string& out, char32_t code) {
  const auto tail = [&](int shift) { out += static_cast<char>(0x80 | ((code >> shift) & 0x3f)); };
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | (code >> 6));
    tail(0);
  } else if (code < 0x10000) {
    out += static_cast<char>(0xe0 | (code >> 12));
    tail(6), tail(0);
  } else {
    out += static_cast<char>(0xf0 | (code >> 18));
    tail(12), tail(6), tail(0);
  }
}

std::string unescape_html(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t ampersand = std::min(text.find('&', at), text.size());
    out += text.substr(at, ampersand - at);
    at = ampersand;
    if (at == text.size()) break;
    const std::string_view rest = text.substr(at + 1);
    const auto reference = !rest.empty() && rest[0] == '#' ? parse_numeric(rest) : parse_named(rest);
    out += reference ? reference->value : "&";
    at += 1 + (reference ? reference->length : 0);
  }
  return out;
}

}  // namespace cigli
