#include "eval/study/design.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <set>

#include "runtime/error.h"
#include "tests/temporary_folder.h"

namespace cigli {
namespace {

using StudyLists = std::vector<std::vector<PlannedTrial>>;

StudyDesignOptions options_of(std::int64_t items, std::int64_t comparisons, std::int64_t raters, std::int64_t each) {
  StudyDesignOptions options;
  options.items = items;
  options.comparisons = comparisons;
  options.raters = raters;
  options.items_per_rater = each;
  return options;
}

std::int64_t count_of(const std::vector<PlannedTrial>& list, TrialKind kind) {
  return std::count_if(list.begin(), list.end(), [&](const PlannedTrial& trial) { return trial.kind == kind; });
}

const StudyDesignOptions kDesigns[] = {options_of(100, 1, 3, 30), options_of(101, 3, 4, 30), options_of(7, 6, 5, 12),
                                       options_of(1, 1, 1, 30),   options_of(64, 3, 2, 10),  options_of(50, 1, 9, 50)};

TEST(StudyDesign, EveryComparisonIsJudgedAsOftenEitherWayRound) {
  for (const StudyDesignOptions& options : kDesigns) {
    std::map<std::pair<std::int64_t, std::int64_t>, std::pair<std::int64_t, std::int64_t>> shown;  // in all, swapped
    for (const auto& list : design_study(options))
      for (const PlannedTrial& trial : list) {
        if (trial.kind != TrialKind::judged) continue;
        auto& [all, swapped] = shown[{trial.item, trial.comparison}];
        ++all;
        swapped += trial.swapped;
      }
    EXPECT_EQ(shown.size(), static_cast<std::size_t>(options.items * options.comparisons));
    std::int64_t first = 0, second = 0;  // whom odd numbers favour
    for (const auto& [of, counts] : shown) {
      EXPECT_EQ(counts.first, options.raters);
      EXPECT_LE(std::abs(2 * counts.second - counts.first), options.raters % 2);
      first += 2 * counts.second < counts.first;
      second += 2 * counts.second > counts.first;
    }
    EXPECT_LE(std::abs(first - second), options.comparisons) << options.items;
  }
}

TEST(StudyDesign, ListsAreAlike) {
  for (const StudyDesignOptions& options : kDesigns) {
    std::set<std::size_t> sizes;
    for (const auto& list : design_study(options)) {
      std::map<std::int64_t, std::int64_t> lead;
      std::set<std::pair<std::int64_t, std::int64_t>> seen;
      for (const PlannedTrial& trial : list) {
        if (trial.kind != TrialKind::judged) continue;
        lead[trial.comparison] += trial.swapped ? 1 : -1;
        EXPECT_TRUE(seen.insert({trial.item, trial.comparison}).second);
      }
      for (const auto& [comparison, difference] : lead) EXPECT_LE(std::abs(difference), 2) << options.items;
      EXPECT_LE(seen.size(), static_cast<std::size_t>(options.items_per_rater));
      sizes.insert(seen.size());
    }
    EXPECT_LE(*sizes.rbegin() - *sizes.begin(), static_cast<std::size_t>(options.comparisons)) << options.items;
  }
}

TEST(StudyDesign, ChecksAreThereAtTheirRate) {
  StudyDesignOptions options = options_of(200, 1, 2, 40);
  options.attention = 0.1;
  options.catches = 0.05;
  options.repeats = 0;
  std::int64_t right = 0, checks = 0;
  for (const auto& list : design_study(options)) {
    EXPECT_EQ(count_of(list, TrialKind::judged), 40);
    EXPECT_EQ(count_of(list, TrialKind::attention), 4);
    EXPECT_EQ(count_of(list, TrialKind::catch_pair), 2);
    EXPECT_EQ(count_of(list, TrialKind::repeat), 0);
    for (const PlannedTrial& trial : list) {
      checks += trial.kind != TrialKind::judged;
      right += trial.kind != TrialKind::judged && trial.swapped;
    }
  }
  EXPECT_EQ(2 * right, checks);
  options.attention = options.catches = 0.001;  // little is at least one
  for (const auto& list : design_study(options)) EXPECT_EQ(list.size(), 42u);
}

TEST(StudyDesign, RepeatsComeLateAndTheOtherWayRound) {
  for (const bool sides : {true, false}) {
    StudyDesignOptions options = options_of(120, 1, 2, 30);
    options.repeats = 0.1;
    options.sides = sides;
    for (const auto& list : design_study(options)) {
      EXPECT_EQ(count_of(list, TrialKind::repeat), 3);
      for (std::size_t place = 0; place < list.size(); ++place) {
        if (list[place].kind != TrialKind::repeat) continue;
        std::size_t original = list.size();
        for (std::size_t i = 0; i < list.size(); ++i)
          if (list[i].kind == TrialKind::judged && list[i].item == list[place].item) original = i;
        ASSERT_LT(original, place);
        EXPECT_GE(place - original, list.size() / 4);
        EXPECT_EQ(list[original].swapped != list[place].swapped, sides);
      }
    }
  }
}

TEST(StudyDesign, SingleImagesHaveNoSides) {
  StudyDesignOptions options = options_of(20, 3, 2, 30);
  options.sides = false;
  for (const auto& list : design_study(options))
    for (const PlannedTrial& trial : list) EXPECT_FALSE(trial.kind == TrialKind::judged && trial.swapped);
}

TEST(StudyDesign, ComparisonsOfAnItemGoToDifferentLists) {
  for (const auto& list : design_study(options_of(90, 3, 2, 30))) {
    std::set<std::int64_t> items;
    for (const PlannedTrial& trial : list)
      EXPECT_TRUE(trial.kind != TrialKind::judged || items.insert(trial.item).second) << trial.item;
  }
}

TEST(StudyDesign, DependsOnTheSeed) {
  const auto orders = [](std::uint64_t seed) {
    StudyDesignOptions options = options_of(30, 1, 2, 30);
    options.seed = seed;
    std::vector<std::int64_t> items;
    for (const auto& list : design_study(options))
      for (const PlannedTrial& trial : list) items.push_back(trial.item);
    return items;
  };
  EXPECT_EQ(orders(1), orders(1));
  EXPECT_NE(orders(1), orders(2));
}

TEST(StudyDesign, AListHasRoomForEachComparison) {
  EXPECT_NE(error_of([] { design_study(options_of(10, 6, 1, 5)); }).find("--items-per-rater 5"), std::string::npos);
}

}  // namespace
}  // namespace cigli
