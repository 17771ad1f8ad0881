#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cigli {

// CLIP's start and end marks, which stand for themselves when a text spells them.
inline constexpr const char* start_mark = "<|startoftext|>";
inline constexpr const char* end_mark = "<|endoftext|>";

// A text as CLIP's tokenizer splits it: HTML-unescaped twice, lower-cased (full Unicode mappings), then cut by CLIP's
// pattern into the two marks, English contractions, runs of letters, single digits and runs of anything else but white
// space. Words are UTF-8. Throws Error when the text is not UTF-8.
std::vector<std::string> split_words(std::string_view text);

}  // namespace cigli
