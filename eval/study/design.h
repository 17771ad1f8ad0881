#pragma once

#include <cstdint>
#include <vector>

namespace cigli {

// Who sees what of a study, in which order and on which side. Systems are numbered; a comparison is of two of them, or
// in studies of single images of one system alone.

enum class TrialKind { judged, attention, catch_pair, repeat };

struct StudyDesignOptions {
  std::int64_t items = 0;
  std::int64_t comparisons = 1;       // of an item: pairs of systems, or systems where images are judged alone
  bool sides = true;                  // whether a comparison has a left and a right
  std::int64_t raters = 3;            // judgements of each comparison of each item
  std::int64_t items_per_rater = 30;  // judged trials of a list, at most
  // Of a list's judged trials, so many more of each kind: rounded, at least one where it is above 0.
  double attention = 0.05, catches = 0.05, repeats = 0.05;
  std::uint64_t seed = 0;
};

struct PlannedTrial {
  TrialKind kind = TrialKind::judged;
  std::int64_t item = 0;        // of checks, which lends its sentence and images
  std::int64_t comparison = 0;  // of checks nothing
  // Of a comparison: its second image is left. Of a catch pair: the good image is right. Of an attention check: it asks
  // for the right, or of a single image for the last answer.
  bool swapped = false;
};

// A list is what one rater sees, in order. Every comparison of every item is judged `raters` times by as many lists,
// and shown either way round as often, but for one where `raters` is odd; in a list too each comparison has, but for
// one trial, as many of either. A list never shows a comparison of an item twice but as a repeat, the other way round:
// from its first third into its last. Attention checks, catch pairs and repeats lie apart from each other. Throws
// UsageError where a list has room for fewer trials than there are comparisons.
std::vector<std::vector<PlannedTrial>> design_study(const StudyDesignOptions& options);

}  // namespace cigli
