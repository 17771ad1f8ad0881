#pragma once

#include <string>
#include <string_view>

namespace cigli {

// Replaces HTML5 character references in UTF-8 text once, as the HTML standard does it: numeric ones with its repairs
// (`&#x80;` is the euro sign), all 2,231 named ones, those that may lack their semicolon by longest prefix. Anything
// else stays as it is.
std::string unescape_html(std::string_view text);

// The named references of the HTML standard, `name=code points` (hexadecimal, joined by `+`), space between them; `*`
// marks names that may lack their semicolon.
extern const char* const html_names;

// Appends a code point as UTF-8.
void append_utf8(std::string& out, char32_t code);

}  // namespace cigli
