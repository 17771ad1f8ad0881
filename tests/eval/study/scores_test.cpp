#include "eval/study/scores.h"

#include <gtest/gtest.h>

#include <cmath>

#include "eval/study/agreement.h"
#include "runtime/error.h"

namespace cigli {
namespace {

StudyKey scored_key(StudyMode mode) {
  StudyKey key;
  key.mode = mode;
  for (int item = 0; item < 30; ++item) key.items.push_back({"item" + std::to_string(item), item + 1, "", ""});
  if (mode == StudyMode::pairs) {
    key.comparisons = {{"A", "B"}, {"A", "C"}, {"B", "C"}};
    key.questions = {{"overall", "Which?", {{"left", ""}, {"right", ""}, {"tie", ""}, {"both-bad", ""}}}};
  } else {
    key.comparisons = {{"A"}, {"B"}};
    for (const char* name : {"consistency", "quality"})
      key.questions.push_back({name, "How?", {{"0", ""}, {"0.5", ""}, {"1", ""}}});
  }
  return key;
}

StudyJudgement voted(std::int64_t item, std::int64_t rater, const std::string& left, const std::string& right,
                     const std::string& answer) {
  return {"overall", answer, item, rater, {left, right}, 5, 0, 0, answer == "left" ? 1. : answer == "right" ? 0. : 0.5};
}

TEST(StudyScores, TurnAnswersAsTheirComparisonHasThem) {
  std::vector<StudyJudgement> judged;
  for (std::int64_t item = 0; item < 30; ++item)
    for (std::int64_t rater = 0; rater < 12; ++rater) {
      const bool turned = (item + rater) % 2 == 1, won = (item * 3 + rater) % 5 != 0;
      const std::string answer = item == 0 ? "both-bad" : won != turned ? "left" : "right";
      judged.push_back(voted(item, rater, turned ? "B" : "A", turned ? "A" : "B", answer));
    }
  const StudyScores scores = score_study(judged, scored_key(StudyMode::pairs));
  ASSERT_EQ(scores.questions.size(), 1u);
  const QuestionScore& overall = scores.questions[0];
  ASSERT_EQ(overall.pairs.size(), 1u);  // only this one was judged
  const PairScore& pair = overall.pairs[0];
  EXPECT_EQ(pair.first + pair.second, "AB");
  EXPECT_EQ(pair.both_bad, 12);
  EXPECT_EQ(pair.wins + pair.losses, 29 * 12);
  EXPECT_NEAR(static_cast<double>(pair.wins), 0.8 * 29 * 12, 2);
  EXPECT_NEAR(pair.rate.value, (static_cast<double>(pair.wins) + 6) / 360, 1e-12);
  EXPECT_EQ(pair.verdict, "A preferred");
  EXPECT_EQ(pair.p_adjusted, pair.rate.p);
  EXPECT_FALSE(overall.prefers_side());
  EXPECT_FALSE(overall.strengths);
  EXPECT_EQ(overall.no_strengths, "");
  EXPECT_EQ(scores.units.size(), 30u);
  EXPECT_EQ(scores.units.back().item, 0);  // the one all agree on
  EXPECT_EQ(scores.units.back().disagreement, 0);
  EXPECT_EQ(scores.units.back().answers.at("overall").at("both-bad"), 12);
}

TEST(StudyScores, AdjustEachQuestionsPairsByHolm) {
  // A beats C clearly; B beats C with p between 0.025 and 0.05; A and B tie.
  std::vector<StudyJudgement> judged;
  for (std::int64_t item = 0; item < 30; ++item)
    for (std::int64_t rater = 0; rater < 12; ++rater) {
      const std::int64_t place = item * 5 + rater * 7;
      judged.push_back(voted(item, rater, "A", "B", (item + rater) % 2 == 0 ? "left" : "right"));
      judged.push_back(voted(item, rater, "A", "C", place % 12 < 9 ? "left" : "right"));
      judged.push_back(voted(item, rater, "B", "C", place % 18 < 10 ? "left" : "right"));
    }
  const StudyScores scores = score_study(judged, scored_key(StudyMode::pairs));
  const std::vector<PairScore>& pairs = scores.questions[0].pairs;
  ASSERT_EQ(pairs.size(), 3u);
  EXPECT_NEAR(pairs[1].p_adjusted, 3 * pairs[1].rate.p, 1e-12);
  EXPECT_NEAR(pairs[2].p_adjusted, 2 * pairs[2].rate.p, 1e-12);
  EXPECT_NEAR(pairs[0].p_adjusted, 1, 1e-12);
  EXPECT_EQ(pairs[1].verdict, "A preferred");
  ASSERT_GT(pairs[2].rate.p, 0.025);
  ASSERT_LT(pairs[2].rate.p, 0.05);
  EXPECT_EQ(pairs[2].verdict.rfind("not significant by Holm's method", 0), 0u) << pairs[2].verdict;
  EXPECT_EQ(pairs[0].verdict, "no difference found: within 35.0 % and 65.0 %");
  ASSERT_TRUE(scores.questions[0].strengths);
  EXPECT_EQ(scores.questions[0].strengths->strengths.size(), 3u);
}

// Each pair's interval lies above 1/2, Holm's method finds none of three: that does not make the study large enough.
TEST(StudyScores, ThatHolmDoesNotFindAreJudgedByTheirPower) {
  std::vector<StudyJudgement> judged;
  const std::pair<const char*, const char*> pairs[] = {{"A", "B"}, {"A", "C"}, {"B", "C"}};
  for (std::int64_t item = 0; item < 24; ++item)
    for (const auto& [left, right] : pairs)
      judged.push_back(voted(item, item, left, right, item < 18 ? "left" : "right"));
  const StudyScores scores = score_study(judged, scored_key(StudyMode::pairs));
  for (const PairScore& pair : scores.questions[0].pairs) {
    EXPECT_GT(pair.rate.interval.low, 0.5);
    EXPECT_LT(pair.rate.p, 0.05);
    EXPECT_GT(pair.p_adjusted, 0.05);
    EXPECT_GT(pair.rate.detectable, 0.65);
    EXPECT_TRUE(pair.rate.underpowered);
    EXPECT_EQ(pair.verdict.rfind("underpowered: finds ", 0), 0u) << pair.verdict;
  }
}

TEST(StudyScores, AgreementHasTieAndNeitherAsTwoAnswersButOneValue) {
  std::vector<StudyJudgement> judged;
  for (std::int64_t item = 0; item < 30; ++item) {
    judged.push_back(voted(item, 0, "A", "B", item % 2 == 0 ? "left" : "tie"));
    judged.push_back(voted(item, 1, "B", "A", item % 2 == 0 ? "right" : "both-bad"));
  }
  StudyAgreement agreement = score_study(judged, scored_key(StudyMode::pairs)).questions[0].pairs[0].agreement;
  EXPECT_NEAR(*agreement.ordinal, 1, 1e-12);
  EXPECT_LT(*agreement.nominal, 0.8);
  EXPECT_NEAR(*agreement.kappa, (0.5 - 0.375) / (1 - 0.375), 1e-12);  // thirty of four answers: 1/2, 1/4, 1/4
  EXPECT_EQ(agreement.units, 30);
  judged.pop_back();
  agreement = score_study(judged, scored_key(StudyMode::pairs)).questions[0].pairs[0].agreement;
  EXPECT_FALSE(agreement.kappa);
  EXPECT_EQ(agreement.no_kappa, "units have from 1 to 2 raters");
  EXPECT_EQ(agreement.units, 29);
}

// Whichever way round the key has its comparisons.
TEST(StudyScores, AgreementIsOfEachPairAlone) {
  std::vector<StudyJudgement> judged;
  for (std::int64_t item = 0; item < 30; ++item)
    for (std::int64_t rater = 0; rater < 4; ++rater) {
      judged.push_back(voted(item, rater, "A", "B", (item + rater) % 9 == 0 ? "right" : "left"));
      judged.push_back(voted(item, rater, "B", "C", (item * 2 + rater) % 9 == 0 ? "left" : "right"));
    }
  StudyKey key = scored_key(StudyMode::pairs);
  const auto before = score_study(judged, key).questions[0].pairs;
  std::swap(key.comparisons[2][0], key.comparisons[2][1]);
  const auto after = score_study(judged, key).questions[0].pairs;
  ASSERT_EQ(before.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_NEAR(*before[i].agreement.nominal, *after[i].agreement.nominal, 1e-12);
    EXPECT_NEAR(*before[i].agreement.kappa, *after[i].agreement.kappa, 1e-12);
    EXPECT_LT(*before[i].agreement.nominal, 0.2);  // each vote against the many is of another item
  }
  EXPECT_NEAR(before[1].rate.value, 1 - after[1].rate.value, 1e-12);
}

// One rater's answers in two lists are no two raters' agreement.
TEST(StudyScores, ARaterCountsOnceInAgreement) {
  std::vector<StudyJudgement> judged;
  for (std::int64_t item = 0; item < 30; ++item)
    for (std::int64_t list = 0; list < 2; ++list)
      judged.push_back(voted(item, 0, "A", "B", item % 2 ? "left" : "right"));
  const StudyScores scores = score_study(judged, scored_key(StudyMode::pairs));
  EXPECT_EQ(scores.repeated, 30);
  EXPECT_EQ(scores.questions[0].pairs[0].agreement.units, 0);
  EXPECT_FALSE(scores.questions[0].pairs[0].agreement.nominal);
  EXPECT_EQ(scores.questions[0].pairs[0].agreement.no_alpha, "nothing was judged by two raters");
  EXPECT_EQ(scores.questions[0].pairs[0].rate.votes, 60);
}

TEST(StudyScores, AreNotJoinedWhereOverallIsAsked) {
  StudyKey key = scored_key(StudyMode::single);
  key.questions.push_back({"overall", "All in all?", key.questions[0].answers});
  std::vector<StudyJudgement> judged;
  for (std::int64_t item = 0; item < 30; ++item)
    for (const char* question : {"consistency", "quality", "overall"})
      judged.push_back({question, "1", item, 0, {"A"}, 5, 0, item, 1});
  const StudyScores scores = score_study(judged, key);
  ASSERT_EQ(scores.questions.size(), 3u);
  EXPECT_EQ(scores.questions[2].wording, "All in all?");
  EXPECT_EQ(scores.questions[2].systems[0].rating.value, 1);
}

TEST(StudyScores, OverallIsTheRootOfConsistencyTimesQuality) {
  const StudyKey key = scored_key(StudyMode::single);
  std::vector<StudyJudgement> judged;
  for (std::int64_t item = 0; item < 30; ++item)
    for (std::int64_t rater = 0; rater < 3; ++rater)
      for (const std::string system : {"A", "B"}) {
        const std::int64_t place = 2 * item + (system == "A" ? 0 : 1);
        judged.push_back({"consistency", "1", item, rater, {system}, 5, 0, place, 1});
        judged.push_back(
            {"quality", system == "A" ? "0.5" : "0", item, rater, {system}, 5, 0, place, system == "A" ? 0.5 : 0});
      }
  const StudyScores scores = score_study(judged, key);
  ASSERT_EQ(scores.questions.size(), 3u);
  const QuestionScore& overall = scores.questions[2];
  EXPECT_EQ(overall.question, "overall");
  EXPECT_NEAR(overall.systems[0].rating.value, std::sqrt(0.5), 1e-12);
  EXPECT_EQ(overall.systems[1].rating.value, 0);
  EXPECT_NEAR(overall.differences[0].difference.value, std::sqrt(0.5), 1e-12);
  EXPECT_NEAR(*overall.agreement->ordinal, 1, 1e-12);
  EXPECT_FALSE(overall.agreement->nominal);
  EXPECT_EQ(scores.answers, static_cast<std::int64_t>(judged.size()));
}

TEST(StudyScores, CountWhatARaterJudgedTwice) {
  std::vector<StudyJudgement> judged{voted(0, 0, "A", "B", "left"), voted(0, 0, "B", "A", "right"),
                                     voted(1, 0, "A", "B", "left"), voted(0, 1, "A", "B", "left")};
  EXPECT_EQ(score_study(judged, scored_key(StudyMode::pairs)).repeated, 1);
  EXPECT_THROW(score_study({}, scored_key(StudyMode::pairs)), Error);
  judged.push_back(voted(0, 0, "A", "D", "left"));
  EXPECT_THROW(score_study(judged, scored_key(StudyMode::pairs)), Error);
}

}  // namespace
}  // namespace cigli
