#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace cigli {

// Byte offset of the first byte that is not well-formed UTF-8 (overlong forms and surrogates included), or npos.
std::size_t invalid_utf8(std::string_view text);

// At most `bytes` of UTF-8 text, cut between characters, with "..." where something is left out.
std::string clipped(std::string_view text, std::size_t bytes);

// The candidate with the smallest edit distance to `word`, or "" when none is near enough to suggest.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

// "12.3 MB", "1.2 kB"; "3 min 20 s".
std::string human_bytes(double bytes);
std::string human_seconds(double seconds);

// `text` made safe inside HTML element content and double-quoted attributes.
std::string escape_html(std::string_view text);

}  // namespace cigli
