#include "encoders/tokenizer.h"

#include <gtest/gtest.h>
#include <torch/torch.h>
#include <zlib.h>

#include <chrono>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "encoders/html_entities.h"
#include "encoders/words.h"
#include "runtime/error.h"
#include "runtime/philox.h"
#include "tests/temporary_folder.h"

namespace cigli {
namespace {

using Ids = std::vector<std::int64_t>;
using Words = std::vector<std::string>;
namespace fs = std::filesystem;

const fs::path reference = CIGLI_TEST_DATA;

class Files : public testing::Test {
 protected:
  const TemporaryFolder folder;
  fs::path write(const std::string& name, const std::string& bytes) const {
    std::ofstream(folder / name, std::ios::binary) << bytes;
    return folder / name;
  }
};
using TokenizerFiles = Files;

const Tokenizer* clip() {
  static const fs::path file = reference / "data/clip/bpe_simple_vocab_16e6.txt.gz";
  static const auto tokenizer = fs::exists(file) ? std::make_unique<Tokenizer>(Tokenizer::load(file)) : nullptr;
  return tokenizer.get();
}

TEST(Tokenizer, GivesClipsIdsRowForRow) {
  std::ifstream rows(reference / "oracles/clip_tokens.jsonl");
  if (!clip() || !rows) GTEST_SKIP() << "no CLIP merges and ids in " << reference;
  int count = 0;
  for (std::string line; std::getline(rows, line); ++count) {
    const nlohmann::json row = nlohmann::json::parse(line);
    EXPECT_EQ(clip()->encode(row["text"].get<std::string>()), row["ids"].get<Ids>()) << row["text"];
  }
  EXPECT_GE(count, 263);
}

TEST(Tokenizer, HasClipsVocabularyAndMarks) {
  if (!clip()) GTEST_SKIP() << "no CLIP merges in " << reference;
  EXPECT_EQ(clip()->vocabulary(), 49408);
  EXPECT_EQ(clip()->start(), 49406);
  EXPECT_EQ(clip()->end(), 49407);
  EXPECT_EQ(clip()->encode("a photo of a cat"), (Ids{320, 1125, 539, 320, 2368}));
  EXPECT_EQ(clip()->decode({320, 1125, 539, 320, 2368}), "a photo of a cat");
}

TEST(Tokenizer, MergesTextGivesTheSameTokenizer) {
  if (!clip()) GTEST_SKIP() << "no CLIP merges in " << reference;
  const Tokenizer again = Tokenizer::from_merges_text(clip()->merges_text(), "test");
  EXPECT_EQ(again.vocabulary(), clip()->vocabulary());
  const std::string text = "Ünïcödé naïve café, 3 llamas & two alpacas…";
  EXPECT_EQ(again.encode(text), clip()->encode(text));
}

TEST(TokenizerSlow, LongWordsStayFast) {
  if (!clip()) GTEST_SKIP() << "no CLIP merges in " << reference;
  Philox random(1);
  std::string word;
  for (int i = 0; i < 1000000; ++i) word += static_cast<char>('a' + random.below(26));
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(clip()->decode(clip()->encode(word)), word);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
}

// The published loop, as slow as it stands: the lowest rank, all its places from the left, again.
Words merge_plainly(Words pieces, const std::vector<std::pair<std::string, std::string>>& merges) {
  while (true) {
    std::size_t best = merges.size();
    for (std::size_t i = 0; i + 1 < pieces.size(); ++i)
      for (std::size_t rank = 0; rank < best; ++rank)
        if (merges[rank] == std::make_pair(pieces[i], pieces[i + 1])) best = rank;
    if (best == merges.size()) return pieces;
    Words merged;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      const bool here = i + 1 < pieces.size() && merges[best] == std::make_pair(pieces[i], pieces[i + 1]);
      merged.push_back(here ? pieces[i] + pieces[i + 1] : pieces[i]);
      if (here) ++i;
    }
    pieces = merged;
  }
}

TEST(Tokenizer, MergesAsThePublishedLoopDoes) {
  Philox random(7);
  for (int round = 0; round < 200; ++round) {
    Words tokens{"a", "b", "c", "a</w>", "b</w>", "c</w>"};
    std::vector<std::pair<std::string, std::string>> merges;
    std::set<std::string> made;
    while (merges.size() < 12) {
      const std::string left = tokens[random.below(tokens.size())], right = tokens[random.below(tokens.size())];
      if (left.find("</w>") != std::string::npos || !made.insert(left + right).second) continue;
      merges.emplace_back(left, right);
      tokens.push_back(left + right);
    }
    const Tokenizer tokenizer(merges);
    std::string word;
    Words pieces;
    for (int i = 0; i < 24; ++i) {
      word += static_cast<char>('a' + random.below(3));
      pieces.push_back(word.substr(word.size() - 1) + (i == 23 ? "</w>" : ""));
    }
    Words expected = merge_plainly(pieces, merges), found;
    for (const std::int64_t id : tokenizer.encode(word)) found.push_back(tokenizer.decode({id}));
    expected.back().resize(expected.back().size() - 4);
    EXPECT_EQ(found, expected) << word;
  }
}

TEST(Words, SplitsByClipsPattern) {
  EXPECT_EQ(split_words("It's 1,234 dogs -- they'll go!"),
            (Words{"it", "'s", "1", ",", "2", "3", "4", "dogs", "--", "they", "'ll", "go", "!"}));
  EXPECT_EQ(split_words("x<|endoftext|>y"), (Words{"x", "<|endoftext|>", "y"}));
  EXPECT_EQ(split_words("\t \n\r\xc2\xa0\xe2\x80\x83"), Words{});
  EXPECT_EQ(split_words("½ⅷ٣a"), (Words{"½", "ⅷ", "٣", "a"}));
}

TEST(Words, LowersAsUnicodeSays) {
  EXPECT_EQ(split_words("ÀÉÎ ŽŠ ДЖ"), (Words{"àéî", "žš", "дж"}));
  EXPECT_EQ(split_words("ΟΔΟΣ ΟΣΑ Σ"), (Words{"οδος", "οσα", "σ"}));  // a sigma that ends a word
  EXPECT_EQ(split_words("İ"), (Words{"i", "\xcc\x87"}));              // becomes i and a combining dot
}

TEST(Words, RefusesTextThatIsNotUtf8) {
  EXPECT_EQ(error_of([] { split_words("ab\xff"); }), "text is not UTF-8: invalid byte at offset 2");
}

TEST(Html, UnescapesAsTheStandardSays) {
  EXPECT_EQ(unescape_html("a &amp; b &lt;c&gt; &quot;&apos;&nbsp;"), "a & b <c> \"'\xc2\xa0");
  EXPECT_EQ(unescape_html("&#65;&#x42;&#X43 &#128;&#0;&#xD800;&#x110000;&#1;"),
            "ABC €\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(unescape_html("&notit; &notin; &amplt &unknown; & &; &#; &#x; &"), "¬it; ∉ &lt &unknown; & &; &#; &#x; &");
  EXPECT_EQ(unescape_html("&CounterClockwiseContourIntegral;&fjlig;"), "∳fj");
  EXPECT_EQ(unescape_html("&#99999999999999999999999;"), "\xef\xbf\xbd");
}

TEST(Html, IsAppliedTwice) {
  EXPECT_EQ(split_words("cats &amp;amp; dogs"), (Words{"cats", "&", "dogs"}));
  EXPECT_EQ(split_words("&amp;amp;amp;"), (Words{"&", "amp", ";"}));
}

TEST(Tokenizer, TrainsTheMostFrequentPairFirst) {
  // aab x3, ab x2: (a, b</w>) occurs 5 times, (a, a) 3 times, then (a, ab</w>) 3 times.
  const Tokenizer tokenizer = Tokenizer::train({"aab aab ab", "ab aab"}, 10000);
  EXPECT_EQ(tokenizer.merges_text(), "a b</w>\na ab</w>\n");
  EXPECT_EQ(tokenizer.vocabulary(), 516);
  EXPECT_EQ(tokenizer.encode("AAB"), Ids{513});
  EXPECT_EQ(tokenizer.encode("ab"), Ids{512});
}

TEST(Tokenizer, TrainingBreaksTiesBySpellingAndIgnoresOrder) {
  const Words corpus{"zz zz yy yy", "the red square", "the red circle", "a blue square"};
  Words reversed(corpus.rbegin(), corpus.rend());
  const std::string merges = Tokenizer::train(corpus, 600).merges_text();
  EXPECT_EQ(merges, Tokenizer::train(reversed, 600).merges_text());
  EXPECT_LT(merges.find("y y</w>"), merges.find("z z</w>"));
  EXPECT_EQ(Tokenizer::train(corpus, 516).merges_text(),
            merges.substr(0, Tokenizer::train(corpus, 516).merges_text().size()));
  EXPECT_EQ(Tokenizer::train(corpus, 516).vocabulary(), 516);
}

TEST(Tokenizer, TrainedWordsBecomeSingleTokens) {
  Words corpus;
  for (int i = 0; i < 50; ++i) corpus.push_back("Remove every green triangle, please");
  const Tokenizer tokenizer = Tokenizer::train(corpus, 1024);
  EXPECT_EQ(tokenizer.encode("remove every green triangle").size(), 4u);
  EXPECT_EQ(tokenizer.decode(tokenizer.encode("Zürich 日本")), "zürich 日本");  // bytes carry what was never seen
}

TEST(Tokenizer, DecodeRefusesUnknownIds) {
  EXPECT_THROW(Tokenizer().decode({514}), Error);
  EXPECT_THROW(Tokenizer().decode({-1}), Error);
}

TEST(Tokenizer, ConstructorRefusesUnknownParts) {
  const std::vector<std::pair<std::string, std::string>> merges{{"ab", "c"}};
  EXPECT_THROW(Tokenizer{merges}, Error);
}

TEST_F(TokenizerFiles, LoadsPlainAndGzippedMerges) {
  const std::string text = "#version: 0.2\nt h\nth e</w>\n";
  const Tokenizer plain = Tokenizer::load(write("merges.txt", text));
  const fs::path packed = folder / "merges.gz";
  const gzFile out = gzopen(packed.c_str(), "wb");
  gzwrite(out, text.data(), static_cast<unsigned>(text.size()));
  gzclose(out);
  EXPECT_EQ(plain.encode("the"), Ids{513});
  EXPECT_EQ(Tokenizer::load(packed).merges_text(), plain.merges_text());
}

TEST_F(TokenizerFiles, BadFilesAreNamedWithTheirLine) {
  const auto message = [&](const std::string& name, const std::string& bytes) {
    const fs::path file = write(name, bytes);
    return error_of([&] { Tokenizer::load(file); });
  };
  EXPECT_NE(message("three.txt", "t h\nt h e\n").find("three.txt:2: 't h e' is no BPE merge"), std::string::npos);
  EXPECT_NE(message("unknown.txt", "t h\nzz e\n").find("unknown.txt:2: 'zz e' is no BPE merge"), std::string::npos);
  EXPECT_NE(message("empty.txt", "").find("empty.txt: empty file"), std::string::npos);
  EXPECT_NE(message("broken.gz", std::string("\x1f\x8b\x08\0\0\0\0\0\0\3ab", 12)).find("broken.gz: damaged"),
            std::string::npos);
  EXPECT_NE(error_of([&] { Tokenizer::load(folder / "none.txt"); }).find("none.txt: no such file"), std::string::npos);
}

TEST(TokenBatch, PadsToAMultipleOfEightAndMarksTruncation) {
  const Tokenizer tokenizer;
  const TokenBatch batch = tokenize(tokenizer, {"abcd", "ab", "abcdefghijklmnop"}, 12);
  ASSERT_EQ(batch.ids.sizes(), (torch::IntArrayRef{3, 12}));
  EXPECT_EQ(batch.truncated, (std::vector<bool>{false, false, true}));
  EXPECT_EQ(batch.mask.sum(1).to(torch::kInt64)[0].item<std::int64_t>(), 6);
  EXPECT_EQ(batch.mask.sum(1).to(torch::kInt64)[2].item<std::int64_t>(), 12);
  EXPECT_EQ(batch.ids[0][0].item<std::int64_t>(), tokenizer.start());
  EXPECT_EQ(batch.ids[0][5].item<std::int64_t>(), tokenizer.end());
  EXPECT_EQ(batch.ids[1][11].item<std::int64_t>(), tokenizer.end());
  EXPECT_EQ(batch.ids[2][11].item<std::int64_t>(), tokenizer.end());
  EXPECT_EQ(tokenize(tokenizer, {"abcdefg"}, 64).ids.size(1), 16);
  EXPECT_EQ(tokenize(tokenizer, {""}, 64).ids.size(1), 8);
  EXPECT_FALSE(tokenize(tokenizer, {"abcdefghij"}, 12).truncated[0]);
}

}  // namespace
}  // namespace cigli
