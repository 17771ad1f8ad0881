#include "dataset/hygiene.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "dataset/parallel.h"
#include "runtime/error.h"
#include "runtime/files.h"
#include "runtime/hash.h"
#include "runtime/interrupt.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kChunk = 1024;  // rows in memory at a time
constexpr const char* kSides[] = {"prompt", "target"};

int rank_of(const std::string& split) {
  if (split == "test") return 2;
  return split == "val" || split == "validation" || split == "dev" ? 1 : 0;
}

void append(std::string& bytes, const void* data, std::size_t size) {
  bytes.append(static_cast<const char*>(data), size);
}

void append(std::string& bytes, const std::string& text) {
  const auto size = static_cast<std::uint32_t>(text.size());
  append(bytes, &size, sizeof size);
  bytes += text;
}

// Reads back what append wrote; `whole` turns false where the bytes end too soon.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : bytes_(bytes) {}
  void take(void* data, std::size_t size) {
    if (bytes_.size() < size) whole = false;
    if (whole) {
      std::memcpy(data, bytes_.data(), size);
      bytes_.remove_prefix(size);
    }
  }
  std::string take_text() {
    std::uint32_t size = 0;
    take(&size, sizeof size);
    if (bytes_.size() < size) whole = false;
    if (!whole) return "";
    std::string text(bytes_.substr(0, size));
    bytes_.remove_prefix(size);
    return text;
  }
  bool at_end() const { return bytes_.empty(); }
  bool whole = true;

 private:
  std::string_view bytes_;
};

}  // namespace

void HygieneOptions::visit(Fields& f) {
  f("min_words", caption.min_words, "words that a sentence must have", Range{0, 1000});
  f("language", caption.language, "language of the sentences, ISO 639-1; \"\" = any");
  f("min_side", min_side, "pixels that an image's shorter side must have", Range{1, 65536});
  f("max_aspect", max_aspect, "largest ratio of an image's sides", Range{1, 1000});
  f("max_repeats", max_repeats, "rows that may share a sentence; 0 = any number", Range{0, 1e9});
  f("max_template", max_template, "rows whose sentences may differ in one word alone; 0 = any number", Range{0, 1e9});
  std::vector<std::string> names;
  for (const Objection objection : objections())
    if (objection >= Objection::small && objection <= Objection::templated) names.push_back(name(objection));
  f("keep", keep, "objections that don't count", Choices{names});
  f("workers", workers, "threads, 0: all cores", Range{0, 1024});
}

const std::string& name(Objection objection) {
  static const std::vector<std::string> all = {"none",     "malformed", "damaged",   "small",    "aspect",
                                               "blank",    "caption",   "unchanged", "leak",     "duplicate",
                                               "repeated", "templated", "unneeded",  "undecided"};
  return all.at(static_cast<std::size_t>(objection));
}

const std::vector<Objection>& objections() {
  static const std::vector<Objection> all = {
      Objection::malformed, Objection::damaged,   Objection::small,    Objection::aspect,    Objection::blank,
      Objection::caption,   Objection::unchanged, Objection::leak,     Objection::duplicate, Objection::repeated,
      Objection::templated, Objection::unneeded,  Objection::undecided};
  return all;
}

Hygiene::Hygiene(fs::path folder, const HygieneOptions& options, fs::path workspace)
    : folder_(std::move(folder)), options_(options), workspace_(std::move(workspace)), groups_([this](std::int64_t i) {
        return read_image(image_folder(folder_) /
                          notes_[static_cast<std::size_t>(i / 2)].files[static_cast<std::size_t>(i % 2)]);
      }) {
  if (workspace_.empty()) return;
  make_folder(workspace_);
  key_ = "cigli looks 2 " + sha256_file(metadata_file(folder_)) + ' ' + std::to_string(options_.min_side) + ' ' +
         std::to_string(options_.max_aspect) + '\n';
}

Hygiene::Look Hygiene::look_at(const std::string& file) const {
  Look look;
  try {
    const Image image = read_image(image_folder(folder_) / file);
    const auto [shorter, longer] = std::minmax(image.width, image.height);
    const std::string size = std::to_string(image.width) + "x" + std::to_string(image.height) + " pixels, expected ";
    look.print = fingerprint(image);
    if (shorter < options_.min_side) {
      look.objection = Objection::small;
      look.fault = size + "at least " + std::to_string(options_.min_side) + " a side";
    } else if (static_cast<double>(longer) > options_.max_aspect * static_cast<double>(shorter)) {
      look.objection = Objection::aspect;
      look.fault = size + "no side longer than " + nlohmann::json(options_.max_aspect).dump() + " times the other";
    } else if (look.print.blank) {
      look.objection = Objection::blank;
      look.fault = "nothing in it but one colour";
    }
  } catch (const Error& error) {
    look.objection = Objection::damaged;
    look.fault = error.what();
    look.print.blank = true;  // like no other
  }
  return look;
}

bool Hygiene::counts(Objection objection) const {
  return std::find(options_.keep.begin(), options_.keep.end(), name(objection)) == options_.keep.end();
}

fs::path Hygiene::chunk_file() const { return workspace_ / ("looks-" + std::to_string(chunks_)); }

// Whether the workspace has this chunk whole.
bool Hygiene::read_chunk(Looks& looks) const {
  if (workspace_.empty() || !fs::exists(chunk_file())) return false;
  const std::string bytes = read_file(chunk_file());
  ByteReader reader(std::string_view(bytes).substr(std::min(bytes.size(), key_.size())));
  for (auto& pair : looks)
    for (Look& look : pair) {
      look.fault = reader.take_text();
      reader.take(&look.objection, sizeof look.objection);
      reader.take(&look.print, sizeof look.print);
    }
  return bytes.compare(0, key_.size(), key_) == 0 && reader.whole && reader.at_end();
}

Hygiene::Looks Hygiene::looks_of(const std::vector<Row>& rows) {
  Looks looks(rows.size());
  const bool known = read_chunk(looks);
  for_each_parallel(static_cast<std::int64_t>(rows.size()), options_.workers, [&](std::int64_t i) {
    const Row& row = rows[static_cast<std::size_t>(i)];
    for (const std::size_t side : {0, 1}) {
      Look& look = looks[static_cast<std::size_t>(i)][side];
      if (!known || look.objection != Objection::none)
        look = look_at(side == 0 ? row.prompt_file_name : row.target_file_name);
    }
  });
  if (workspace_.empty()) return looks;
  std::string bytes = key_;
  for (const auto& pair : looks)
    for (const Look& look : pair) {
      append(bytes, look.fault);
      append(bytes, &look.objection, sizeof look.objection);
      append(bytes, &look.print, sizeof look.print);
    }
  write_file(chunk_file(), bytes);
  return looks;
}

void Hygiene::take_chunk(std::vector<Row>& rows) {
  if (rows.empty()) return;
  if (InterruptGuard::requested())
    throw Interrupted(folder_.string() + ": interrupted after " + std::to_string(notes_.size()) + " rows" +
                      (workspace_.empty() ? "" : "; the same command goes on from there"));
  const Looks looks = looks_of(rows);
  ++chunks_;
  std::vector<std::string> caption_faults(rows.size());
  for_each_parallel(static_cast<std::int64_t>(rows.size()), options_.workers, [&](std::int64_t i) {
    const auto row = static_cast<std::size_t>(i);
    caption_faults[row] = caption_fault(rows[row].text, options_.caption);
  });
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Row& row = rows[i];
    notes_.emplace_back();
    Note& note = notes_.back();
    note.files = {row.prompt_file_name, row.target_file_name};
    note.rank = rank_of(row.split);
    note.judgement.line = row.line;
    note.judgement.id = row.id;
    note.judgement.split = row.split;
    const auto object = [&](Objection objection, std::string reason) {
      Judgement& judgement = note.judgement;
      if (!counts(objection)) {
        judgement.notes.emplace_back(objection, std::move(reason));
      } else if (judgement.objection == Objection::none || objection < judgement.objection) {
        if (judgement.objection != Objection::none)
          judgement.notes.emplace_back(judgement.objection, std::move(judgement.reason));
        judgement.objection = objection;
        judgement.reason = std::move(reason);
      } else {
        judgement.notes.emplace_back(objection, std::move(reason));
      }
    };
    for (const std::size_t side : {0, 1}) {
      const Look& look = looks[i][side];
      note.groups[side] = groups_.add(look.print);
      note.judgement.sizes[side] = {look.print.width, look.print.height};
      if (look.objection != Objection::none) object(look.objection, std::string(kSides[side]) + ": " + look.fault);
    }
    if (!caption_faults[i].empty()) object(Objection::caption, "sentence: " + caption_faults[i]);
    if (note.groups[0] == note.groups[1]) object(Objection::unchanged, "prompt and target are the same picture");
    sentences_.add(row.text);
    note.sentence = sentences_.same(row.text).key;
  }
  rows.clear();
}

void Hygiene::look(const std::function<void(std::int64_t rows)>& on_progress) {
  const InterruptGuard guard;
  std::vector<Row> waiting;
  scan_metadata(
      folder_,
      [&](Row&& row) {
        row.object = nullptr;
        waiting.push_back(std::move(row));
        if (waiting.size() < kChunk) return;
        take_chunk(waiting);
        if (on_progress) on_progress(static_cast<std::int64_t>(notes_.size()));
      },
      [](RowFault&&) {});
  take_chunk(waiting);
  if (on_progress) on_progress(static_cast<std::int64_t>(notes_.size()));
  if (counts(Objection::leak)) find_leaks();
  if (counts(Objection::duplicate)) find_duplicates();
}

void Hygiene::find_leaks() {
  struct Holder {
    int rank = -1;
    std::int64_t line = 0;
    std::string split;
  };
  std::unordered_map<std::int64_t, Holder> holders;  // of each picture, the row of highest rank
  for (const Note& note : notes_) {
    if (note.judgement.objection != Objection::none) continue;
    for (const std::int64_t group : note.groups) {
      Holder& holder = holders[group];
      if (note.rank > holder.rank) holder = {note.rank, note.judgement.line, note.judgement.split};
    }
  }
  for (Note& note : notes_) {
    if (note.judgement.objection != Objection::none) continue;
    for (const std::size_t side : {0, 1}) {
      const Holder& holder = holders.at(note.groups[side]);
      if (holder.rank <= note.rank || note.judgement.objection != Objection::none) continue;
      note.judgement.objection = Objection::leak;
      note.judgement.reason = std::string("its ") + kSides[side] + " is also on line " + std::to_string(holder.line) +
                              ", in split \"" + holder.split + "\"";
    }
  }
}

void Hygiene::find_duplicates() {
  std::map<std::array<std::uint64_t, 3>, std::int64_t> seen;
  for (Note& note : notes_) {
    if (note.judgement.objection != Objection::none) continue;
    const std::array<std::uint64_t, 3> key = {note.sentence, static_cast<std::uint64_t>(note.groups[0]),
                                              static_cast<std::uint64_t>(note.groups[1])};
    const auto [first, fresh] = seen.emplace(key, note.judgement.line);
    if (fresh) continue;
    note.judgement.objection = Objection::duplicate;
    note.judgement.reason = "the same sentence and pictures as on line " + std::to_string(first->second);
  }
}

void Hygiene::find_repetitions(const Row& row, Note& note) {
  Judgement& judgement = note.judgement;
  if (options_.max_repeats > 0 && kept_sentences_[note.sentence] >= options_.max_repeats) {
    judgement.objection = Objection::repeated;
    judgement.reason = std::to_string(sentences_.same(row.text).count) + " rows have this sentence, expected at most " +
                       std::to_string(options_.max_repeats);
    return;
  }
  const SentenceCounts::Repetition pattern = sentences_.same_but_one_word(row.text);
  if (options_.max_template > 0 && kept_patterns_[pattern.key] >= options_.max_template) {
    judgement.objection = Objection::templated;
    judgement.reason = std::to_string(pattern.count) +
                       " sentences differ from this one in one word, expected at most " +
                       std::to_string(options_.max_template);
    return;
  }
  ++kept_sentences_[note.sentence];
  ++kept_patterns_[pattern.key];
}

void Hygiene::judge(const std::function<void(const Row* row, const Judgement& judgement)>& on_judged) {
  kept_sentences_.clear();
  kept_patterns_.clear();
  std::size_t i = 0;
  scan_metadata(
      folder_,
      [&](Row&& row) {
        Note note = notes_.at(i++);
        if (note.judgement.objection == Objection::none) find_repetitions(row, note);
        on_judged(&row, note.judgement);
      },
      [&](RowFault&& fault) {
        on_judged(nullptr, {fault.line, fault.id, "", {}, Objection::malformed, fault.reason, {}});
      });
}

}  // namespace cigli
