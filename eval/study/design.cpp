#include "eval/study/design.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "runtime/error.h"
#include "runtime/philox.h"

namespace cigli {
namespace {

using List = std::vector<PlannedTrial>;

// Items in an order of chance in which each `lists` neighbours have one offset and the next as many the other: dealt
// out one after the other, either offset comes to each list as often.
std::vector<std::int64_t> dealing_order(const std::vector<bool>& offsets, std::int64_t lists, Philox& random) {
  std::vector<std::int64_t> of_offset[2], order;
  for (std::size_t item = 0; item < offsets.size(); ++item)
    of_offset[offsets[item] ? 1 : 0].push_back(static_cast<std::int64_t>(item));
  for (auto& items : of_offset) shuffle(items, random);
  std::size_t next = random.below(2);
  while (order.size() < offsets.size()) {
    auto& items = of_offset[next].empty() ? of_offset[1 - next] : of_offset[next];
    for (std::int64_t i = 0; i < lists && !items.empty(); ++i) {
      order.push_back(items.back());
      items.pop_back();
    }
    next = 1 - next;
  }
  return order;
}

std::int64_t extra(double share, std::size_t judged) {
  return share > 0 ? std::max<std::int64_t>(1, std::llround(share * static_cast<double>(judged))) : 0;
}

// Shows some comparisons of the first third once more in the last.
void add_repeats(List& list, std::int64_t count, bool sides, Philox& random) {
  const std::size_t judged = list.size(), early = std::max<std::size_t>(1, judged / 3);
  std::vector<std::size_t> originals(early);
  std::iota(originals.begin(), originals.end(), 0);
  shuffle(originals, random);
  originals.resize(std::min<std::size_t>(originals.size(), static_cast<std::size_t>(count)));
  for (const std::size_t original : originals) {
    PlannedTrial again = list[original];
    again.kind = TrialKind::repeat;
    if (sides) again.swapped = !again.swapped;
    const std::size_t late = judged - judged / 3;
    list.insert(list.begin() + static_cast<std::ptrdiff_t>(late + random.below(list.size() - late + 1)), again);
  }
}

// One in each of as many parts of the list, at a place of chance.
void spread(List& list, const List& added, Philox& random) {
  const std::size_t parts = added.size(), length = list.size();
  for (std::size_t part = parts; part > 0; --part) {
    const std::size_t from = length * (part - 1) / parts, until = length * part / parts;
    list.insert(list.begin() + static_cast<std::ptrdiff_t>(from + random.below(until - from + 1)), added[part - 1]);
  }
}

// Attention checks and catch pairs by turns, half of each to either side.
List checks_of(const StudyDesignOptions& options, std::size_t judged, Philox& random) {
  List checks;
  for (const auto& [kind, share] :
       {std::pair(TrialKind::attention, options.attention), std::pair(TrialKind::catch_pair, options.catches)}) {
    bool swapped = random.below(2) == 1;
    for (std::int64_t i = 0; i < extra(share, judged); ++i, swapped = !swapped) {
      PlannedTrial check;
      check.kind = kind;
      check.item = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(options.items)));
      check.swapped = swapped;
      checks.push_back(check);
    }
  }
  shuffle(checks, random);
  return checks;
}

std::int64_t lists_of_a_round(const StudyDesignOptions& options) {
  if (options.items_per_rater < options.comparisons)
    throw UsageError("--items-per-rater " + std::to_string(options.items_per_rater) +
                     ": a list shows an item of each of the " + std::to_string(options.comparisons) +
                     " comparisons or more");
  const std::int64_t each = options.items_per_rater / options.comparisons;  // items of a comparison in a list
  return (options.items + each - 1) / each;
}

}  // namespace

std::vector<List> design_study(const StudyDesignOptions& options) {
  Philox random(options.seed, 5);
  const std::int64_t lists = lists_of_a_round(options);
  std::vector<bool> offsets(static_cast<std::size_t>(options.items));
  std::vector<std::size_t> places(offsets.size());
  std::iota(places.begin(), places.end(), 0);
  shuffle(places, random);
  for (std::size_t i = 0; i < places.size(); ++i) offsets[places[i]] = i % 2 == 1;

  std::vector<List> all;
  for (std::int64_t round = 0; round < options.raters; ++round) {
    const std::vector<std::int64_t> order = dealing_order(offsets, lists, random);
    std::vector<List> dealt(static_cast<std::size_t>(lists));
    for (std::size_t rank = 0; rank < order.size(); ++rank)
      for (std::int64_t comparison = 0; comparison < options.comparisons; ++comparison) {
        PlannedTrial trial;
        trial.item = order[rank];
        trial.comparison = comparison;
        const std::int64_t turn = round + comparison + (offsets[static_cast<std::size_t>(trial.item)] ? 1 : 0);
        trial.swapped = options.sides && turn % 2 == 1;
        // Comparisons of one item go to different lists, where there are several.
        dealt[(rank + static_cast<std::size_t>(comparison)) % dealt.size()].push_back(trial);
      }
    for (List& list : dealt) {
      shuffle(list, random);
      const std::size_t judged = list.size();
      const List checks = checks_of(options, judged, random);
      if (options.repeats > 0) add_repeats(list, extra(options.repeats, judged), options.sides, random);
      spread(list, checks, random);
      all.push_back(std::move(list));
    }
  }
  shuffle(all, random);
  return all;
}

}  // namespace cigli
