#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "runtime/options.h"

namespace cigli {

struct Nlvr1Options {
  std::string split;       // "": by stable_hash of the sentence's words
  double val_share = 0.1;  // of the sentences, when `split` is ""
  std::int64_t workers = 0;
  void visit(Fields& f);
};

struct ImportReport {
  std::int64_t pairs = 0, skipped = 0;
  std::vector<std::string> reasons;  // one line for each that was skipped: "FILE:LINE: what is wrong"
};

// NLVR v1 (Suhr, Lewis, Yeh, Artzi, ACL 2017). `source` is one unpacked split folder: `<split>.json` with one object a
// line, and PNGs of 400x100 pixels named `<split>-<identifier>-<k>.png`, found by name anywhere below. Each PNG (k =
// 0..5) of an example labelled true gives one pair: columns 0-249 (left and middle box and the bar between) are the
// prompt, columns 300-399 (right box) the target, the sentence the text; alpha is laid over white.
//
// Writes `out/metadata.jsonl` and PNGs under `out/prompts` and `out/targets`. Rows carry `source` "nlvr1",
// `identifier`, `order` (which box of the original stands left, in the middle, right: k counts the orders of 0 1 2
// lexicographically) and, where the source has it, `structured_rep` in the order shown. The sentence decides the split,
// by its caption_words: examples N-0 .. N-3 share one, and now and then other numbers do. A row or image that is
// missing or damaged is reported and skipped; it counts once. Throws Error when the folder is not laid out so, or when
// nothing is left.
ImportReport import_nlvr1(const std::filesystem::path& source, const std::filesystem::path& out,
                          const Nlvr1Options& options = {});

}  // namespace cigli
