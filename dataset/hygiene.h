#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "dataset/caption.h"
#include "dataset/metadata.h"
#include "dataset/picture_groups.h"
#include "runtime/options.h"

namespace cigli {

struct HygieneOptions {
  CaptionOptions caption;
  std::int64_t min_side = 16;     // pixels
  double max_aspect = 4;          // longer side over shorter
  std::int64_t max_repeats = 0;   // rows with one sentence, 0 = any number
  std::int64_t max_template = 0;  // rows whose sentences differ in one word, 0 = any number
  std::vector<std::string> keep;  // objections that don't count, of those from small to templated
  std::int64_t workers = 0;
  void visit(Fields& f);
};

// What speaks against a row, in the order in which it is asked; the first that applies counts.
enum class Objection {
  none,
  malformed,  // the line itself
  damaged,    // an image that is missing or can't be decoded
  small,      // an image with a side below min_side
  aspect,     // an image longer than max_aspect
  blank,      // an image without anything in it
  caption,    // caption_fault()
  unchanged,  // prompt and target are the same picture
  leak,       // shares a picture with a row of test, or, for rows of training, of val (validation, dev)
  duplicate,  // sentence and both pictures are those of an earlier row
  repeated,   // the sentence, more than max_repeats times
  templated,  // the sentence but for one word, more than max_template times
  // What Hygiene itself never says, since it takes a model:
  unneeded,   // sentence or prompt alone tells the target
  undecided,  // both together don't
};
const std::string& name(Objection objection);
const std::vector<Objection>& objections();  // all but none

struct Judgement {
  std::int64_t line = 0;
  std::string id, split;
  std::array<ImageSize, 2> sizes{};  // of prompt and target, 0x0 where unknown
  Objection objection = Objection::none;
  std::string reason;
  std::vector<std::pair<Objection, std::string>>
      notes;  // what else was seen: further objections, and those that don't count
};

// Judges the rows of a dataset folder on their own: is this a usable pair, and not one that is there already? Goes
// through the metadata twice and through the images once; memory grows with the rows' names and fingerprints alone.
class Hygiene {
 public:
  // What was seen of images is also kept in `workspace` (made where absent; "" = nowhere), chunk by chunk, so that a
  // pass that was interrupted goes on; it is used again only for the same metadata, and an image that was objected to
  // is looked at again: it may have been mended.
  Hygiene(std::filesystem::path folder, const HygieneOptions& options, std::filesystem::path workspace = {});

  // The first pass: looks at all images, with `workers` threads. Throws Error when the metadata can't be read,
  // Interrupted between chunks when asked to end.
  void look(const std::function<void(std::int64_t rows)>& on_progress = {});

  // The second pass, in the order of the file: `on_judged` gets every line that holds something; `row` is null for a
  // malformed one.
  void judge(const std::function<void(const Row* row, const Judgement& judgement)>& on_judged);

 private:
  struct Look {
    std::string fault;
    Objection objection = Objection::none;
    Fingerprint print;
  };
  struct Note {
    std::array<std::string, 2> files;  // prompt, target
    std::array<std::int64_t, 2> groups{-1, -1};
    std::uint64_t sentence = 0;
    int rank = 0;  // of the split: training 0, val 1, test 2
    Judgement judgement;
  };
  using Looks = std::vector<std::array<Look, 2>>;

  Look look_at(const std::string& file) const;
  bool counts(Objection objection) const;
  void take_chunk(std::vector<Row>& rows);
  bool read_chunk(Looks& looks) const;
  Looks looks_of(const std::vector<Row>& rows);
  std::filesystem::path chunk_file() const;
  void find_leaks();
  void find_duplicates();
  void find_repetitions(const Row& row, Note& note);

  std::filesystem::path folder_;
  HygieneOptions options_;
  std::filesystem::path workspace_;
  std::string key_;  // of metadata and format, what a chunk in the workspace must begin with
  std::vector<Note> notes_;
  std::int64_t chunks_ = 0;
  PictureGroups groups_;
  SentenceCounts sentences_;
  std::unordered_map<std::uint64_t, std::int64_t> kept_sentences_, kept_patterns_;
};

}  // namespace cigli
