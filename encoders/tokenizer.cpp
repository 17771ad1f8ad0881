#include "encoders/tokenizer.h"

#include <torch/torch.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <functional>
#include <queue>

#include "encoders/html_entities.h"
#include "encoders/words.h"
#include "runtime/error.h"
#include "runtime/text.h"

namespace cigli {
namespace {

constexpr std::int64_t byte_tokens = 512;
constexpr std::size_t clip_merges = 49152 - 256 - 2;
constexpr const char* word_end = "</w>";

// CLIP's byte alphabet: printable Latin-1 bytes stand for themselves, the others for the code points from 256 on.
struct ByteAlphabet {
  std::vector<std::string> letters;                       // in CLIP's order of ids
  std::array<std::int64_t, 256> id_of{};                  // byte -> id
  std::unordered_map<std::string, std::uint8_t> byte_of;  // letter -> byte

  ByteAlphabet() {
    const auto printable = [](int b) { return (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174; };
    char32_t next = 256;
    for (const bool direct : {true, false})
      for (int b = 0; b < 256; ++b) {
        if (printable(b) != direct) continue;
        std::string letter;
        append_utf8(letter, direct ? static_cast<char32_t>(b) : next++);
        id_of[static_cast<std::size_t>(b)] = static_cast<std::int64_t>(letters.size());
        byte_of[letter] = static_cast<std::uint8_t>(b);
        letters.push_back(letter);
      }
  }
};

const ByteAlphabet& alphabet() {
  static const ByteAlphabet instance;
  return instance;
}

std::uint64_t pair_key(std::int64_t left, std::int64_t right) {
  return static_cast<std::uint64_t>(left) << 32 | static_cast<std::uint64_t>(right);
}

// A word being merged: its pieces as a doubly linked list over places 0 .. n-1; an absorbed piece has id -1.
struct Pieces {
  std::vector<std::int64_t> id, previous, next;

  void absorb_next(std::int64_t at, std::int64_t merged) {
    const std::int64_t gone = next[at], after = next[gone];
    id[at] = merged;
    id[gone] = -1;
    next[at] = after;
    if (after >= 0) previous[after] = at;
  }
};

std::string read_maybe_gzipped(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) throw Error(file.string() + ": no such file, expected BPE merges");
  const gzFile in = std::filesystem::is_directory(file) ? nullptr : gzopen(file.c_str(), "rb");
  if (!in) throw Error(file.string() + ": cannot be opened");
  constexpr std::size_t limit = std::size_t{1} << 28;
  std::string text;
  std::array<char, 1 << 16> buffer;
  int count = 0;
  while (text.size() <= limit && (count = gzread(in, buffer.data(), buffer.size())) > 0)
    text.append(buffer.data(), static_cast<std::size_t>(count));
  const bool whole = gzclose_r(in) == Z_OK && count == 0;
  if (text.size() > limit) throw Error(file.string() + ": more than 256 MB of text, expected BPE merges");
  if (!whole) throw Error(file.string() + ": damaged or truncated gzip data");
  return text;
}

}  // namespace

Tokenizer::Tokenizer() : Tokenizer(std::vector<std::pair<std::string, std::string>>{}) {}

Tokenizer::Tokenizer(std::vector<std::pair<std::string, std::string>> merges) {
  for (const char* end : {"", word_end})
    for (const std::string& letter : alphabet().letters) {
      ids_[letter + end] = static_cast<std::int64_t>(tokens_.size());
      tokens_.push_back(letter + end);
    }
  for (const auto& [left, right] : merges)
    if (!add_merge(left, right))
      throw Error("merge " + std::to_string(merges_.size() + 1) + " ('" + left + " " + right +
                  "') joins something that is no token yet");
  rank_merges();
}

bool Tokenizer::add_merge(const std::string& left, const std::string& right) {
  if (!ids_.count(left) || !ids_.count(right)) return false;
  merges_.emplace_back(left, right);
  ids_[left + right] = static_cast<std::int64_t>(tokens_.size());  // of equal tokens the last counts, as in CLIP
  tokens_.push_back(left + right);
  return true;
}

void Tokenizer::rank_merges() {
  for (std::size_t rank = 0; rank < merges_.size(); ++rank)
    ranks_[pair_key(ids_.at(merges_[rank].first), ids_.at(merges_[rank].second))] = static_cast<std::int64_t>(rank);
}

Tokenizer Tokenizer::load(const std::filesystem::path& file) {
  const std::string text = read_maybe_gzipped(file);
  if (text.empty()) throw Error(file.string() + ": empty file, expected BPE merges");
  return from_merges_text(text, file.string());
}

Tokenizer Tokenizer::from_merges_text(std::string_view text, const std::string& where) {
  Tokenizer tokenizer;
  std::size_t most = std::string_view::npos;
  for (std::int64_t line_number = 1; !text.empty() && tokenizer.merges_.size() < most; ++line_number) {
    const std::size_t length = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, length);
    text.remove_prefix(std::min(length + 1, text.size()));
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (line_number == 1 && line.find("#version") != std::string_view::npos) {
      if (line.find("bpe_simple_vocab_16e6") != std::string_view::npos) most = clip_merges;
      continue;
    }
    if (line.empty()) continue;
    const std::size_t space = line.find(' ');
    const bool two = space != std::string_view::npos && line.find(' ', space + 1) == std::string_view::npos;
    if (!two || !tokenizer.add_merge(std::string(line.substr(0, space)), std::string(line.substr(space + 1))))
      throw Error(where + ":" + std::to_string(line_number) + ": '" + clipped(line, 60) +
                  "' is no BPE merge, expected two known tokens with one space between them");
  }
  tokenizer.rank_merges();
  return tokenizer;
}

std::string Tokenizer::merges_text() const {
  std::string text;
  for (const auto& [left, right] : merges_) text += left + " " + right + "\n";
  return text;
}

std::vector<std::int64_t> Tokenizer::encode(std::string_view text) const {
  std::vector<std::int64_t> ids;
  for (const std::string& word : split_words(text)) {
    const std::vector<std::int64_t> pieces = encode_word(word);
    ids.insert(ids.end(), pieces.begin(), pieces.end());
  }
  return ids;
}

// CLIP's loop (the lowest rank, all its places from the left, again) with the ranks in a heap: n log n instead of n².
std::vector<std::int64_t> Tokenizer::encode_word(const std::string& word) const {
  if (word == start_mark) return {start()};
  if (word == end_mark) return {end()};
  const auto count = static_cast<std::int64_t>(word.size());
  Pieces pieces;
  for (std::int64_t i = 0; i < count; ++i) {
    const bool last = i + 1 == count;
    pieces.id.push_back(alphabet().id_of[static_cast<std::uint8_t>(word[i])] + (last ? byte_tokens / 2 : 0));
    pieces.previous.push_back(i - 1);
    pieces.next.push_back(last ? -1 : i + 1);
  }
  const auto rank_at = [&](std::int64_t at) -> std::int64_t {
    if (at < 0 || pieces.id[at] < 0 || pieces.next[at] < 0) return -1;
    const auto found = ranks_.find(pair_key(pieces.id[at], pieces.id[pieces.next[at]]));
    return found == ranks_.end() ? -1 : found->second;
  };
  using Place = std::pair<std::int64_t, std::int64_t>;  // rank, place
  std::priority_queue<Place, std::vector<Place>, std::greater<>> queue;
  const auto consider = [&](std::int64_t at) {
    if (const std::int64_t rank = rank_at(at); rank >= 0) queue.emplace(rank, at);
  };
  for (std::int64_t i = 0; i < count; ++i) consider(i);
  while (!queue.empty()) {
    const std::int64_t rank = queue.top().first;
    const auto& [left, right] = merges_[rank];
    const std::int64_t merged = ids_.at(left + right);
    std::vector<std::int64_t> places;
    for (; !queue.empty() && queue.top().first == rank; queue.pop()) places.push_back(queue.top().second);
    for (const std::int64_t at : places) {
      if (rank_at(at) != rank) continue;
      pieces.absorb_next(at, merged);
      consider(pieces.previous[at]);
      consider(at);
    }
  }
  std::vector<std::int64_t> ids;
  for (std::int64_t at = 0; at >= 0 && at < count; at = pieces.next[at]) ids.push_back(pieces.id[at]);
  return ids;
}

std::string Tokenizer::decode(const std::vector<std::int64_t>& ids) const {
  std::string letters;
  for (const std::int64_t id : ids) {
    if (id < 0 || id >= vocabulary())
      throw Error("token id " + std::to_string(id) + " lies outside 0 .. " + std::to_string(vocabulary() - 1));
    letters += id == start() ? start_mark + std::string(word_end)
               : id == end() ? end_mark + std::string(word_end)
                             : tokens_[static_cast<std::size_t>(id)];
  }
  std::string text;
  for (std::size_t at = 0; at < letters.size();) {
    if (letters.compare(at, 4, word_end) == 0) {
      text += ' ';
      at += 4;
      continue;
    }
    const std::size_t length = static_cast<std::uint8_t>(letters[at]) < 0x80 ? 1 : 2;  // all letters lie below U+0800
    text += static_cast<char>(alphabet().byte_of.at(letters.substr(at, length)));
    at += length;
  }
  if (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

std::int64_t Tokenizer::vocabulary() const { return static_cast<std::int64_t>(tokens_.size()) + 2; }

TokenBatch tokenize(const Tokenizer& tokenizer, const std::vector<std::string>& texts, std::int64_t context) {
  TORCH_CHECK(context >= 2, "context must hold start and end, got ", context);
  std::vector<std::vector<std::int64_t>> rows;
  TokenBatch batch;
  std::int64_t longest = 0;
  for (const std::string& text : texts) {
    std::vector<std::int64_t> row = tokenizer.encode(text);
    batch.truncated.push_back(static_cast<std::int64_t>(row.size()) > context - 2);
    if (batch.truncated.back()) row.resize(static_cast<std::size_t>(context - 2));
    row.insert(row.begin(), tokenizer.start());
    row.push_back(tokenizer.end());
    longest = std::max(longest, static_cast<std::int64_t>(row.size()));
    rows.push_back(std::move(row));
  }
  const auto count = static_cast<std::int64_t>(rows.size());
  const std::int64_t length = std::min((longest + 7) / 8 * 8, context);
  batch.ids = torch::full({count, length}, tokenizer.end(), torch::kInt64);
  batch.mask = torch::zeros({count, length}, torch::kBool);
  for (std::int64_t b = 0; b < count; ++b) {
    const std::vector<std::int64_t>& row = rows[static_cast<std::size_t>(b)];
    std::copy(row.begin(), row.end(), batch.ids.data_ptr<std::int64_t>() + b * length);
    std::fill_n(batch.mask.data_ptr<bool>() + b * length, row.size(), true);
  }
  return batch;
}

}  // namespace cigli
