#include "eval/candidates.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>

namespace cigli {
namespace {

// Ten rows a prompt, four sentences, every target twice.
Alike many_alike(std::uint64_t rows) {
  Alike alike;
  for (std::uint64_t i = 0; i < rows; ++i) {
    alike.prompt.push_back(i / 10);
    alike.text.push_back(100 + i % 4);
    alike.target.push_back(i / 2);
  }
  return alike;
}

std::vector<std::int64_t> all_rows(std::int64_t count) {
  std::vector<std::int64_t> rows(static_cast<std::size_t>(count));
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

TEST(Candidates, BeginWithTheOwnTargetAndHoldNoneTwice) {
  const Alike alike = many_alike(200);
  const Candidates candidates(alike, all_rows(200));
  for (std::int64_t place = 0; place < 200; ++place) {
    const std::vector<std::int64_t> drawn = candidates.draw(place, 16, 3, 0);
    EXPECT_EQ(drawn.size(), 16u);
    EXPECT_EQ(drawn.front(), place);
    std::set<std::uint64_t> targets;
    for (const std::int64_t other : drawn) targets.insert(alike.target[static_cast<std::size_t>(other)]);
    EXPECT_EQ(targets.size(), drawn.size());
  }
}

TEST(Candidates, AreHardAsFarAsThereAreSuch) {
  const Alike alike = many_alike(400);
  const Candidates candidates(alike, all_rows(400));
  for (std::int64_t place = 0; place < 400; place += 7) {
    const std::vector<std::int64_t> drawn = candidates.draw(place, 16, 3, 0);
    const auto count = [&](const std::vector<std::uint64_t>& of) {
      return std::count_if(drawn.begin() + 1, drawn.end(), [&](std::int64_t other) {
        return of[static_cast<std::size_t>(other)] == of[static_cast<std::size_t>(place)];
      });
    };
    EXPECT_GE(count(alike.prompt), 4);  // a quarter; the prompt's other targets are just as many
    EXPECT_GE(count(alike.text), 4);
  }
}

TEST(Candidates, AreAFunctionOfTheirNumbersAndDifferBetweenDraws) {
  const Alike alike = many_alike(400);
  const Candidates candidates(alike, all_rows(400));
  EXPECT_EQ(candidates.draw(5, 16, 3, 0), candidates.draw(5, 16, 3, 0));
  EXPECT_NE(candidates.draw(5, 16, 3, 0), candidates.draw(5, 16, 3, 1));
  EXPECT_NE(candidates.draw(5, 16, 3, 0), candidates.draw(5, 16, 4, 0));
}

TEST(Candidates, AreFewerAmongFewRows) {
  const Alike alike = many_alike(40);
  const Candidates candidates(alike, {0, 1, 4, 6});
  std::vector<std::int64_t> drawn = candidates.draw(0, 16, 0, 0);
  std::sort(drawn.begin(), drawn.end());
  EXPECT_EQ(drawn, (std::vector<std::int64_t>{0, 2, 3}));  // row 1 has row 0's target
  EXPECT_EQ(candidates.by_prompt(), (std::vector<std::vector<std::int64_t>>{{0, 1, 2, 3}}));
  EXPECT_EQ(candidates.with_text_of(2), (std::vector<std::int64_t>{0, 2}));  // rows 0 and 4
}

}  // namespace
}  // namespace cigli
