#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "eval/interval.h"

namespace cigli {

struct Nlvr1ScoreOptions {
  std::string split;               // rows of this split alone; "" = all
  std::filesystem::path training;  // a dataset, the sentences of whose training rows are reported apart; empty = none
  bool present_only = false;       // leave rows without an image out of the truth instead of counting them as false
  std::int64_t threads = 0;        // 0: all cores
  BootstrapOptions bootstrap;      // its seed also chooses the random other boxes
};

// A ratio, or a mean difference, over `n` rows or blobs. The interval is a bootstrap over the sentences' numbers: the
// six orders of three boxes and the up to four examples of one sentence are no independent rows. Shares on which all
// rows agree have the exact binomial interval of as many sentences. Value and interval mean nothing when n is 0.
struct Nlvr1Number {
  double value = 0;
  std::int64_t n = 0;
  Interval interval;
  std::int64_t clusters = 0;  // different numbers of sentences
};

// Share of rows whose sentence is true of the two prompt boxes (by `structured_rep`) and a third: the generated one as
// read (false where its image is missing or damaged), a blank one, another row's real one and its own real one, both as
// read from `target_file_name` at the generated image's size.
struct Nlvr1Truth {
  std::int64_t n = 0, sentences = 0;  // rows; different numbers of sentences among them
  Nlvr1Number generated, blank, random, real;
  Nlvr1Number over_blank, over_random;  // generated less blank, generated less random, row by row
};

struct Nlvr1Verdict {
  std::string id, group, form;  // group: the sentence's number; form: its logical form, "" when unparsed
  bool present = false;         // the generated image could be read
  bool described = false;       // the row has a structured_rep
  bool known = false;           // a training row has the sentence (scan_training_rows)
  bool generated = false, blank = false, real = false;  // truth, where parsed and described
  std::optional<bool> random;                           // none where no other row is there to lend its box
  std::int64_t items = 0, unclear = 0, real_items = 0, real_unclear = 0;
};

struct Nlvr1Score {
  Nlvr1Truth truth;
  std::optional<Nlvr1Truth> known, unknown;   // by Nlvr1Verdict::known
  Nlvr1Number coverage;                       // share of the rows whose sentence the grammar reads
  Nlvr1Number well_formed, real_well_formed;  // share of blobs that are clear items
  std::optional<double> fd_items;             // eval/nlvr1/frechet.h, of the rows whose image could be read
  std::vector<Nlvr1Verdict> verdicts;         // of every row, in the dataset's order
  std::vector<std::string> missing;           // ids without an image
  std::vector<std::string> damaged;           // images that can't be read as a box, "FILE: reason"
  std::vector<std::string> undescribed;       // ids without structured_rep: no truth, all else is scored
  std::vector<std::string> faults;            // rows that can't be used at all, "FILE:LINE: reason"
};

// Whether the dataset holds a row of `cigli data import nlvr`. Throws Error when its metadata can't be read.
bool has_nlvr1_rows(const std::filesystem::path& data);

// Judges `generated`/<id>.png for every row of an imported NLVR v1 dataset. Throws Error when no usable row of the
// split is there or no image at all was found, or `training` has no training row.
Nlvr1Score score_nlvr1(const std::filesystem::path& generated, const std::filesystem::path& data,
                       const Nlvr1ScoreOptions& options = {});

// Truth with the generated box, a's less b's, row by row: of two folders that were scored against the same rows, over
// those with a truth and an image in both (a damaged one is false). Where all rows agree, the interval is
// difference_interval of as many sentences.
Nlvr1Number truth_difference(const Nlvr1Score& a, const Nlvr1Score& b, const BootstrapOptions& bootstrap = {});

}  // namespace cigli
