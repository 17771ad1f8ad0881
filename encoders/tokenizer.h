#pragma once

#include <torch/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace cigli {

// Byte-level byte-pair encoding as CLIP uses it (Sennrich et al. 2016; Radford et al. 2021): text is HTML-unescaped
// twice, white space folded, lower-cased, split by CLIP's pattern, and merged by rank. Ids: 256 bytes, 256 bytes at a
// word's end (`</w>`), one id a merge, then start and end.
class Tokenizer {
 public:
  // Byte tokens alone.
  Tokenizer();
  // Merges in rank order, each a pair of token strings over CLIP's byte alphabet. Throws Error for a part that is no
  // token yet.
  explicit Tokenizer(std::vector<std::pair<std::string, std::string>> merges);
  // Reads CLIP's `bpe_simple_vocab_16e6.txt`, plain or gzipped: the header line is skipped and 48,894 merges are used.
  // Any other merges file (one pair a line, optional `#version` header) is used whole. Error names file and line.
  static Tokenizer load(const std::filesystem::path& file);
  // Learns up to `vocabulary` - 514 merges from a corpus, most frequent pair first, ties by the pair's spelling; pairs
  // seen once are left apart. The corpus' order does not matter.
  static Tokenizer train(const std::vector<std::string>& corpus, std::int64_t vocabulary);
  // The merges as text, one pair a line (what `load` reads and checkpoints store).
  std::string merges_text() const;
  static Tokenizer from_merges_text(std::string_view text, const std::string& where);

  // Ids without start and end (a text that spells CLIP's marks gets them, as CLIP does). Throws Error for text that is
  // not UTF-8.
  std::vector<std::int64_t> encode(std::string_view text) const;
  // Text of ids, for people; unknown ids throw.
  std::string decode(const std::vector<std::int64_t>& ids) const;

  std::int64_t vocabulary() const;  // 514 + merges
  std::int64_t start() const { return vocabulary() - 2; }
  std::int64_t end() const { return vocabulary() - 1; }

 private:
  bool add_merge(const std::string& left, const std::string& right);  // false: a part is no token yet
  void rank_merges();
  std::vector<std::int64_t> encode_word(const std::string& word) const;

  std::vector<std::string> tokens_;  // by id, start and end left out
  std::unordered_map<std::string, std::int64_t> ids_;
  std::vector<std::pair<std::string, std::string>> merges_;
  std::unordered_map<std::uint64_t, std::int64_t> ranks_;  // ids of left and right (high and low half) -> rank
};

// Texts as the encoder takes them, start and end included, padded with the end token.
struct TokenBatch {
  torch::Tensor ids;            // [B,T] int64
  torch::Tensor mask;           // [B,T] bool, true = a real token
  std::vector<bool> truncated;  // the text had more than `context` tokens
};

// T is the longest text of the batch rounded up to a multiple of 8, at most `context`.
TokenBatch tokenize(const Tokenizer& tokenizer, const std::vector<std::string>& texts, std::int64_t context);

}  // namespace cigli
