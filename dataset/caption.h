#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace cigli {

struct CaptionOptions {
  std::int64_t min_words = 3;
  std::string language = "en";  // ISO 639-1; "": any
};

// What makes a sentence useless as a description, as one clause, or "": fewer words than asked for, signs of a broken
// encoding (replacement or control characters, UTF-8 that was read as Latin-1 or Windows-1252), or another language
// where the detector (CLD2) is sure of it. Well-formed UTF-8 is taken for granted.
std::string caption_fault(const std::string& text, const CaptionOptions& options = {});

// The words of a text, by which sentences are the same but for case, punctuation and spaces: ASCII letters in lower
// case, digits and bytes of other scripts; apostrophes are left out, all else separates.
std::vector<std::string> caption_words(const std::string& text);

// How often sentences repeat. Memory grows with the words of different sentences, one entry of a hash table each.
class SentenceCounts {
 public:
  struct Repetition {
    std::int64_t count = 0;
    std::uint64_t key = 0;  // the same for all that count
  };

  void add(const std::string& text);
  // Added sentences with the same words.
  Repetition same(const std::string& text) const;
  // Different added sentences that equal this one in all words but one, at the place where that makes the most: what
  // was filled into a template. This one counts if it was added.
  Repetition same_but_one_word(const std::string& text) const;

 private:
  std::unordered_map<std::uint64_t, std::int64_t> sentences_, patterns_;
};

}  // namespace cigli
