#include "dataset/caption.h"

#include <cld2/public/compact_lang_det.h>

#include <algorithm>
#include <cctype>
#include <string_view>

namespace cigli {
namespace {

// FNV-1a, 64 bits.
std::uint64_t extend(std::uint64_t hash, std::string_view bytes) {
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}
constexpr std::uint64_t kStart = 0xcbf29ce484222325;

std::uint64_t hash_of(const std::vector<std::string>& words, std::size_t left_out) {
  std::uint64_t hash = kStart;
  for (std::size_t i = 0; i < words.size(); ++i) hash = extend(extend(hash, i == left_out ? "\x01" : words[i]), " ");
  return hash;
}

bool has_broken_encoding(const std::string& text) {
  // U+FFFD; and what the first bytes of UTF-8 become when they are read as Latin-1 or Windows-1252 and written again:
  // "Ã" or "Â" before a sign of U+0080..U+00BF, "â€".
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string_view rest = std::string_view(text).substr(i);
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte < 0x20 && byte != '\t') || byte == 0x7f) return true;
    if (rest.substr(0, 3) == "\xef\xbf\xbd" || rest.substr(0, 5) == "\xc3\xa2\xe2\x82\xac") return true;
    if ((rest.substr(0, 2) == "\xc3\x83" || rest.substr(0, 2) == "\xc3\x82") && rest.size() > 2 &&
        static_cast<unsigned char>(rest[2]) == 0xc2)
      return true;
  }
  return false;
}

// ISO code of the language where the detector is sure, else "".
std::string language_of(const std::string& text) {
  bool sure = false;
  const CLD2::Language language = CLD2::DetectLanguage(text.data(), static_cast<int>(text.size()), true, &sure);
  return sure && language != CLD2::UNKNOWN_LANGUAGE ? CLD2::LanguageCode(language) : "";
}

}  // namespace

std::vector<std::string> caption_words(const std::string& text) {
  std::vector<std::string> words(1);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80 || std::isalnum(byte))
      words.back() += static_cast<char>(byte < 0x80 ? std::tolower(byte) : byte);
    else if (c != '\'' && !words.back().empty())
      words.emplace_back();
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

std::string caption_fault(const std::string& text, const CaptionOptions& options) {
  const auto words = static_cast<std::int64_t>(caption_words(text).size());
  if (words < options.min_words)
    return std::to_string(words) + (words == 1 ? " word" : " words") + ", expected at least " +
           std::to_string(options.min_words);
  if (has_broken_encoding(text))
    return "broken encoding: text that was read in another encoding than it was written in";
  const std::string language = options.language.empty() ? "" : language_of(text);
  if (!language.empty() && language != options.language)
    return "language " + language + ", expected " + options.language;
  return "";
}

void SentenceCounts::add(const std::string& text) {
  const std::vector<std::string> words = caption_words(text);
  if (sentences_[hash_of(words, words.size())]++ > 0) return;
  for (std::size_t i = 0; i < words.size(); ++i) ++patterns_[hash_of(words, i)];
}

SentenceCounts::Repetition SentenceCounts::same(const std::string& text) const {
  const std::vector<std::string> words = caption_words(text);
  const std::uint64_t key = hash_of(words, words.size());
  const auto found = sentences_.find(key);
  return {found == sentences_.end() ? 0 : found->second, key};
}

SentenceCounts::Repetition SentenceCounts::same_but_one_word(const std::string& text) const {
  const std::vector<std::string> words = caption_words(text);
  Repetition most;
  for (std::size_t i = 0; i < words.size(); ++i)
    if (const auto found = patterns_.find(hash_of(words, i)); found != patterns_.end() && found->second > most.count)
      most = {found->second, found->first};
  return most;
}

}  // namespace cigli
