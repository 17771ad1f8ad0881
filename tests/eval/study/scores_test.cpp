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
  EXPECT_EQ(pairs[2].verdict, "no difference among 3 pairs (Holm)");
  EXPECT_EQ(pairs[0].verdict, "no difference found; one of 65 % would have been, four times in five");
  ASSERT_TRUE(scores.questions[0].strengths);
  EXPECT_EQ(scores.questions[0].strengths->strengths.size(), 3u);
}

TEST(StudyScores, AgreementHasTieAndNeitherAsTwoAnswersButOneValue) {
  std::vector<StudyJudgement> judged;
  for (std::int64_t item = 0; item < 30; ++item) {
    judged.push_back(voted(item, 0, "A", "B", item % 2 == 0 ? "left" : "tie"));
    judged.push_back(voted(item, 1, "B", "A", item % 2 == 0 ? "right" : "both-bad"));
  }
  StudyAgreement agreement = score_study(judged, scored_key(StudyMode::pairs)).questions[0].agreement;
  EXPECT_NEAR(*agreement.ordinal, 1, 1e-12);
  EXPECT_LT(*agreement.nominal, 0.8);
  EXPECT_NEAR(*agreement.kappa, (0.5 - 0.375) / (1 - 0.375), 1e-12);  // thirty of four answers: 1/2, 1/4, 1/4
  EXPECT_EQ(agreement.units, 30);
  judged.pop_back();
  agreement = score_study(judged, scored_key(StudyMode::pairs)).questions[0].agreement;
  EXPECT_FALSE(agreement.kappa);
  EXPECT_EQ(agreement.unbalanced, "units have from 1 to 2 judgements");
  EXPECT_EQ(agreement.units, 29);
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
  EXPECT_NEAR(*overall.agreement.ordinal, 1, 1e-12);
  EXPECT_FALSE(overall.agreement.nominal);
  EXPECT_EQ(scores.judgements, static_cast<std::int64_t>(judged.size()));
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
