#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "encoders/tokenizer.h"
#include "encoders/words.h"

namespace cigli {
namespace {

using Pair = std::pair<std::string, std::string>;

// Byte-pair counts over the distinct words of a corpus, kept up to date as pairs are merged.
class PairCounts {
 public:
  explicit PairCounts(const std::map<std::vector<std::string>, std::int64_t>& words) {
    for (const auto& [pieces, count] : words) {
      words_.push_back({pieces, count});
      count_pairs(words_.size() - 1, 1);
    }
  }

  // The most frequent pair that occurs at least twice, first by spelling among equals; false when there is none.
  bool most_frequent(Pair& pair) const {
    if (order_.empty() || order_.begin()->first > -2) return false;
    pair = order_.begin()->second;
    return true;
  }

  void merge(const Pair& pair) {
    const std::set<std::size_t> where = pairs_.at(pair).words;
    for (const std::size_t w : where) {
      count_pairs(w, -1);
      std::vector<std::string>& pieces = words_[w].pieces;
      std::vector<std::string> merged;
      for (std::size_t i = 0; i < pieces.size(); ++i) {
        const bool here = i + 1 < pieces.size() && pieces[i] == pair.first && pieces[i + 1] == pair.second;
        merged.push_back(here ? pair.first + pair.second : pieces[i]);
        if (here) ++i;
      }
      pieces = std::move(merged);
      count_pairs(w, 1);
    }
  }

 private:
  struct Word {
    std::vector<std::string> pieces;
    std::int64_t count;
  };
  struct Occurrences {
    std::int64_t count = 0;
    std::set<std::size_t> words;
  };

  void count_pairs(std::size_t w, std::int64_t sign) {
    const Word& word = words_[w];
    for (std::size_t i = 0; i + 1 < word.pieces.size(); ++i) {
      const Pair pair{word.pieces[i], word.pieces[i + 1]};
      Occurrences& occurrences = pairs_[pair];
      order_.erase({-occurrences.count, pair});
      occurrences.count += sign * word.count;
      if (sign > 0)
        occurrences.words.insert(w);
      else
        occurrences.words.erase(w);
      if (occurrences.count > 0)
        order_.emplace(-occurrences.count, pair);
      else
        pairs_.erase(pair);
    }
  }

  std::vector<Word> words_;
  std::map<Pair, Occurrences> pairs_;
  std::set<std::pair<std::int64_t, Pair>> order_;  // (-count, pair)
};

}  // namespace

Tokenizer Tokenizer::train(const std::vector<std::string>& corpus, std::int64_t vocabulary) {
  std::unordered_map<std::string, std::int64_t> counts;
  for (const std::string& text : corpus)
    for (const std::string& word : split_words(text)) ++counts[word];
  Tokenizer tokenizer;
  std::map<std::vector<std::string>, std::int64_t> words;
  for (const auto& [word, count] : counts) {
    if (word == start_mark || word == end_mark) continue;
    std::vector<std::string> pieces;
    for (const std::int64_t id : tokenizer.encode_word(word)) pieces.push_back(tokenizer.tokens_[id]);
    words[pieces] = count;
  }
  PairCounts pairs(words);
  Pair pair;
  while (tokenizer.vocabulary() < vocabulary && pairs.most_frequent(pair)) {
    pairs.merge(pair);
    tokenizer.add_merge(pair.first, pair.second);
  }
  tokenizer.rank_merges();
  return tokenizer;
}

}  // namespace cigli
