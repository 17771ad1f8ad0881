#include "encoders/words.h"

#include <unicode/locid.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include <cstdint>

#include "encoders/html_entities.h"
#include "runtime/error.h"
#include "runtime/text.h"

namespace cigli {
namespace {

enum class Kind { letter, number, space, other };

Kind kind_of(char32_t code) {
  const std::uint32_t category = U_GET_GC_MASK(static_cast<UChar32>(code));
  if (category & U_GC_L_MASK) return Kind::letter;
  if (category & U_GC_N_MASK) return Kind::number;
  return u_isUWhiteSpace(static_cast<UChar32>(code)) ? Kind::space : Kind::other;
}

std::u32string lower_code_points(std::string_view text) {
  auto lower = icu::UnicodeString::fromUTF8({text.data(), static_cast<std::int32_t>(text.size())});
  lower.toLower(icu::Locale::getRoot());
  std::u32string codes;
  codes.reserve(static_cast<std::size_t>(lower.length()));
  for (std::int32_t i = 0; i < lower.length(); i = lower.moveIndex32(i, 1))
    codes += static_cast<char32_t>(lower.char32At(i));
  return codes;
}

// Does `text` go on with `word` (ASCII, lower case) at `at`, cases folded?
bool continues_with(const std::u32string& text, std::size_t at, std::string_view word) {
  if (text.size() - at < word.size()) return false;
  for (std::size_t i = 0; i < word.size(); ++i)
    if (u_foldCase(static_cast<UChar32>(text[at + i]), U_FOLD_CASE_DEFAULT) != word[i]) return false;
  return true;
}

// Length of the pattern's match at `at`, which is no white space.
std::size_t match_length(const std::u32string& text, std::size_t at) {
  for (const std::string_view mark : {std::string_view(start_mark), std::string_view(end_mark)})
    if (text[at] == U'<' && continues_with(text, at, mark)) return mark.size();
  if (text[at] == U'\'')
    for (const std::string_view tail : {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"})
      if (continues_with(text, at, tail)) return tail.size();
  const Kind kind = kind_of(text[at]);
  if (kind == Kind::number) return 1;
  std::size_t end = at + 1;
  while (end < text.size() && kind_of(text[end]) == kind) ++end;
  return end - at;
}

}  // namespace

std::vector<std::string> split_words(std::string_view text) {
  const std::size_t invalid = invalid_utf8(text);
  if (invalid != std::string_view::npos)
    throw Error("text is not UTF-8: invalid byte at offset " + std::to_string(invalid));
  const std::u32string codes = lower_code_points(unescape_html(unescape_html(text)));
  std::vector<std::string> words;
  for (std::size_t at = 0; at < codes.size();) {
    if (kind_of(codes[at]) == Kind::space) {
      ++at;
      continue;
    }
    const std::size_t length = match_length(codes, at);
    std::string word;
    for (std::size_t i = at; i < at + length; ++i) append_utf8(word, codes[i]);
    words.push_back(std::move(word));
    at += length;
  }
  return words;
}

}  // namespace cigli
