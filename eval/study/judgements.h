#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "eval/study/key.h"
#include "eval/study/responses.h"

namespace cigli {

// An answer joined to what was shown.
struct StudyJudgement {
  std::string question, answer;
  std::int64_t item = 0, rater = 0;     // numbers, of StudyKey::items and of raters in `StudyJudgements`
  std::vector<std::string> systems;     // of the images as shown, left first
  double seconds = 0;                   // -1: not known
  std::int64_t list = 0, position = 0;  // where in the rater's list it was asked
  // For pairs what the left image won: 1, 0, 0.5 (tie and both-bad); for ratings the number; for real-or-generated 1
  // where the rater says real.
  double value = 0;
};

// How one rater did, over all its lists.
struct RaterRecord {
  std::string name;
  std::int64_t answers = 0;
  // Answers to checks, and how many were as expected; repeats: answered as the first time.
  std::int64_t attention = 0, attention_passed = 0, catches = 0, catches_passed = 0, repeats = 0, repeats_passed = 0;
  double median_seconds = 0;  // -1 where no answer's time is known
  std::string failed;         // why the key's rules leave the rater out; "" where they don't
};

struct StudyJudgements {
  std::vector<StudyJudgement> judged;  // without checks and repeats
  std::vector<RaterRecord> raters;
};

// A rater passes a check by the expected answer; an obvious single image by one in the lower half of the scale.
// `exclude_failed` leaves out all judgements of raters that the key's rules fail.
StudyJudgements join_responses(const StudyResponses& responses, const StudyKey& key, bool exclude_failed = false);

// All answers, those to checks and repeats too, one a line of CSV: who answered what and where, and of each image its
// name in the packet, its file, the SHA-256 of that, of the model that made it, and the seed. Columns: response, rater,
// list, position, kind (judged, repeat, attention, catch), question, answer, seconds, undone (how often taken back),
// expected, item, line (of metadata.jsonl), and with left_ and right_ in front system, image, file, sha256, model,
// seed; of single images right_ is empty. `failed` says why the key's rules leave the rater out. A cell that a
// spreadsheet would compute (=, + or @ in front, or - before what is no number) stands behind an apostrophe.
std::string judgement_table(const StudyResponses& responses, const StudyKey& key);

}  // namespace cigli
