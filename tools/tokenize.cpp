#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "decoder/generator.h"
#include "encoders/tokenizer.h"
#include "runtime/files.h"
#include "runtime/text.h"
#include "tools/commands.h"

namespace cigli {
namespace {

struct TokenizeOptions {
  std::string merges, model, train, out;
  std::int64_t vocabulary = 1024;

  void visit(Fields& f) {
    f("merges", merges, "merges file, plain or gzipped (CLIP's bpe_simple_vocab_16e6.txt.gz, or one --train wrote)");
    f("model", model, "take the tokenizer of this model file, checkpoint or run folder");
    f("train", train, "learn merges from this text file, a sentence a line, and write them to --out");
    f("vocabulary", vocabulary, "ids to learn at most, 514 of them bytes and marks", Range{514, 1e6});
    f("out", out, "where --train writes the merges");
  }
};

void require_utf8(const std::string& line, const std::string& where) {
  if (const std::size_t at = invalid_utf8(line); at != std::string::npos)
    throw Error(where + ": byte " + std::to_string(at + 1) + " of the line is not UTF-8");
}

int train_merges(const TokenizeOptions& options) {
  if (options.out.empty()) throw UsageError("tokenize: --train needs --out FILE for the merges");
  std::ifstream in(options.train);
  if (!in) throw Error(options.train + ": cannot be read, expected a text file");
  std::vector<std::string> corpus;
  for (std::string line; std::getline(in, line); corpus.push_back(line))
    require_utf8(line, options.train + ":" + std::to_string(corpus.size() + 1));
  const Tokenizer tokenizer = Tokenizer::train(corpus, options.vocabulary);
  write_file(options.out, "#version: 0.2\n" + tokenizer.merges_text());
  std::cerr << options.out << ": " << tokenizer.vocabulary() << " ids learned from " << corpus.size() << " lines\n";
  return 0;
}

}  // namespace

int run_tokenize(const Arguments& arguments) {
  const auto options = parse<TokenizeOptions>(arguments);
  if (!options.train.empty()) return train_merges(options);
  if (options.merges.empty() == options.model.empty())
    throw UsageError("tokenize: give either --merges FILE or --model FILE");
  const Tokenizer tokenizer =
      options.merges.empty() ? load_model(options.model)->tokenizer : Tokenizer::load(options.merges);
  std::int64_t number = 0;
  for (std::string line; std::getline(std::cin, line);) {
    require_utf8(line, "stdin:" + std::to_string(++number));
    std::cout << nlohmann::json(tokenizer.encode(line)).dump() << "\n";
  }
  return 0;
}

}  // namespace cigli
