#include "eval/study/responses.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "eval/study/judgements.h"
#include "tests/temporary_folder.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

// One list of five trials and one question: two items, a repeat of the first with its sides exchanged, an attention
// check and an obvious pair.
StudyKey small_study_key() {
  StudyKey key;
  key.packet = std::string(64, 'a');
  key.systems = {{"A", "a", "", "", false}, {"B", "b", "", "", false}};
  key.comparisons = {{"A", "B"}};
  key.items = {{"one", 1, "first", ""}, {"two", 2, "second", ""}};
  key.questions = {{"text", "Which?", {{"left", "Left"}, {"right", "Right"}, {"tie", "Tie"}, {"both-bad", "None"}}}};
  key.trials = {{"judged", "one", {"A", "B"}, ""},
                {"judged", "two", {"B", "A"}, ""},
                {"attention", "one", {}, "right"},
                {"catch", "two", {}, "left"},
                {"judged", "one", {"B", "A"}, ""}};
  key.lists = {{0, 1, 2, 3, 4}};
  key.repeats = {{{4, 0}}};
  return key;
}

StudyResponse answered(const std::string& rater, const std::vector<std::string>& answers, double seconds = 4) {
  StudyResponse response;
  response.rater = rater;
  response.started = "2026-01-01T10:00:00Z";
  response.finished = answers.size() == 5 ? "2026-01-01T10:09:00Z" : "";
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const auto place = static_cast<std::int64_t>(i);
    response.replies.push_back({place, place, "text", answers[i], seconds});
  }
  return response;
}

Json saved(const StudyResponse& response, const StudyKey& key) {
  Json answers = Json::array();
  for (const StudyReply& reply : response.replies)
    answers.push_back({{"trial", reply.trial},
                       {"position", reply.position},
                       {"question", reply.question},
                       {"answer", reply.answer},
                       {"seconds", reply.seconds}});
  return {{"format", "cigli-study-answers-1"},
          {"packet", key.packet},
          {"list", response.list},
          {"rater", response.rater},
          {"started", response.started},
          {"finished", response.finished.empty() ? Json() : Json(response.finished)},
          {"answers", answers},
          {"digest", response_digest(response, key.packet)}};
}

class StudyResponsesTest : public testing::Test {
 protected:
  fs::path put(const std::string& name, const std::string& text) {
    std::ofstream(folder / name, std::ios::binary) << text;
    return folder / name;
  }
  const TemporaryFolder folder;
  const StudyKey key = small_study_key();
  const StudyResponse good = answered("ann", {"left", "right", "right", "left", "right"});
};

bool names(const std::vector<std::string>& lines, const std::string& part) {
  return std::any_of(lines.begin(), lines.end(),
                     [&](const std::string& line) { return line.find(part) != std::string::npos; });
}

TEST_F(StudyResponsesTest, AreReadAsTheyWereSaved) {
  const auto read = read_responses({put("ann.json", saved(good, key).dump(2))}, key);
  ASSERT_EQ(read.usable.size(), 1u);
  EXPECT_TRUE(read.refused.empty() && read.duplicates.empty() && read.unfinished.empty());
  EXPECT_EQ(read.usable[0].rater, "ann");
  EXPECT_EQ(read.usable[0].replies.size(), 5u);
  EXPECT_EQ(read.usable[0].replies[1].answer, "right");
}

TEST_F(StudyResponsesTest, ComeInTablesToo) {
  std::string quoted = saved(good, key).dump(1);
  for (std::size_t at = 0; (at = quoted.find('"', at)) != std::string::npos; at += 2) quoted.insert(at, 1, '"');
  const auto read = read_responses(
      {put("batch.CSV", "HITId,Answer.study,More\r\n7,\"" + quoted + "\",\"a\r\nb\"\r\n8,nothing,c\r\n9\r\n")}, key);
  ASSERT_EQ(read.usable.size(), 1u);
  EXPECT_EQ(read.usable[0].replies.size(), 5u);
  ASSERT_EQ(read.refused.size(), 2u);
  EXPECT_TRUE(names(read.refused, "no JSON")) << read.refused[0];
  EXPECT_TRUE(names(read.refused, "1 cells")) << read.refused[1];
  EXPECT_NE(error_of([&] { read_responses({put("other.csv", "a,b\n1,2\n")}, key); }).find("other.csv:1: no column"),
            std::string::npos);
}

TEST_F(StudyResponsesTest, OfAnotherPacketOrEditedAreRefused) {
  Json other = saved(good, key), edited = saved(good, key), foreign = saved(good, key);
  other["packet"] = std::string(64, 'b');
  edited["answers"][0]["answer"] = "right";
  foreign["list"] = 3;
  Json twice = saved(good, key), unknown = saved(good, key), misplaced = saved(good, key);
  twice["answers"][1] = twice["answers"][0];
  unknown["answers"][0]["answer"] = "best";
  misplaced["answers"][0]["trial"] = 1;
  const std::pair<Json, const char*> cases[] = {{other, "of packet bbbbbbbbbbbb, the key is of aaaaaaaaaaaa"},
                                                {edited, "edited or damaged"},
                                                {foreign, "of list 3, the study has 1"},
                                                {twice, "twice"},
                                                {unknown, "\"best\""},
                                                {misplaced, "does not show there"},
                                                {Json::array({1}), "no task of a study, as Label Studio exports it"},
                                                {Json("x"), "not what the study's page saves"}};
  for (const auto& [json, reason] : cases) {
    const auto read = read_responses({put("x.json", json.dump())}, key);
    EXPECT_TRUE(read.usable.empty()) << reason;
    ASSERT_EQ(read.refused.size(), 1u) << reason;
    EXPECT_EQ(read.refused[0].rfind((folder / "x.json").string() + ": ", 0), 0u);
    EXPECT_TRUE(names(read.refused, reason)) << read.refused[0];
  }
}

TEST_F(StudyResponsesTest, CountOnceEach) {
  const StudyResponse half = answered("ann", {"left", "right"}), bob = answered("bob", {"tie", "tie", "right"});
  const std::vector<fs::path> files{put("half.json", saved(half, key).dump()), put("ann.json", saved(good, key).dump()),
                                    put("again.json", saved(good, key).dump()),
                                    put("bob.json", saved(bob, key).dump())};
  const auto read = read_responses(files, key);
  ASSERT_EQ(read.usable.size(), 2u);
  EXPECT_EQ(read.usable[0].replies.size(), 5u);  // the fuller one
  EXPECT_EQ(read.usable[1].rater, "bob");
  ASSERT_EQ(read.refused.size(), 1u);
  EXPECT_TRUE(names(read.refused, "half.json"));
  ASSERT_EQ(read.duplicates.size(), 1u);
  EXPECT_TRUE(names(read.duplicates, "again.json"));
  ASSERT_EQ(read.unfinished.size(), 1u);
  EXPECT_TRUE(names(read.unfinished, "bob.json: 3 of 5 answers"));
}

TEST_F(StudyResponsesTest, FinishedMeansAllAnswered) {
  StudyResponse half = answered("ann", {"left", "right"});
  half.finished = "2026-01-01T10:09:00Z";
  const auto read = read_responses({put("x.json", saved(half, key).dump())}, key);
  EXPECT_TRUE(names(read.refused, "2 of 5 answers"));
}

TEST_F(StudyResponsesTest, AreJoinedToSystems) {
  StudyResponses responses;
  responses.usable = {good, answered("bob", {"tie", "both-bad", "left", "left", "left"}, 0.5)};
  const StudyJudgements all = join_responses(responses, key);
  ASSERT_EQ(all.judged.size(), 4u);  // neither checks nor repeats
  EXPECT_EQ(all.judged[0].systems, (std::vector<std::string>{"A", "B"}));
  EXPECT_EQ(all.judged[0].value, 1);
  EXPECT_EQ(all.judged[1].systems, (std::vector<std::string>{"B", "A"}));
  EXPECT_EQ(all.judged[1].value, 0);
  EXPECT_EQ(all.judged[2].value, 0.5);
  EXPECT_EQ(all.judged[3].value, 0.5);
  ASSERT_EQ(all.raters.size(), 2u);
  const RaterRecord &ann = all.raters[0], &bob = all.raters[1];
  EXPECT_EQ(ann.attention_passed, 1);
  EXPECT_EQ(ann.catches_passed, 1);
  EXPECT_EQ(ann.repeats_passed, 1);  // left, then right of exchanged sides
  EXPECT_EQ(ann.failed, "");
  EXPECT_EQ(bob.attention_passed, 0);
  EXPECT_EQ(bob.repeats, 1);
  EXPECT_EQ(bob.repeats_passed, 0);
  EXPECT_EQ(bob.median_seconds, 0.5);
  EXPECT_EQ(bob.failed, "0 of 1 attention checks; answers faster than the rule allows");
  const StudyJudgements kept = join_responses(responses, key, true);
  ASSERT_EQ(kept.judged.size(), 2u);
  EXPECT_EQ(kept.judged[1].rater, 0);
  EXPECT_EQ(kept.raters.size(), 2u);
}

TEST_F(StudyResponsesTest, KeysSurviveTheirFile) {
  StudyKey full = key;
  full.images["img/x.png"] = {"A", "one", "a/one.png", "hash", "model", "7"};
  full.exclusion.seconds = 2.5;
  full.seed = 9;
  write_study_key(folder / "key.json", full);
  const StudyKey read = read_study_key(folder / "key.json");
  EXPECT_EQ(read.packet, full.packet);
  EXPECT_EQ(read.lists, full.lists);
  EXPECT_EQ(read.repeats, full.repeats);
  EXPECT_EQ(read.comparisons, full.comparisons);
  EXPECT_EQ(read.trials[2].expected, "right");
  EXPECT_EQ(read.trials[4].systems, full.trials[4].systems);
  EXPECT_EQ(read.questions[0].answers[3].key, "both-bad");
  EXPECT_EQ(read.images.at("img/x.png").model, "model");
  EXPECT_EQ(read.exclusion.seconds, 2.5);
  EXPECT_EQ(read.items[1].sentence, "second");
  for (const char* text : {"", "{}", "[1]", "{\"format\": \"other\"}"})
    EXPECT_NE(error_of([&] { read_study_key(put("bad.json", text)); }).find("bad.json: "), std::string::npos) << text;
}

}  // namespace
}  // namespace cigli
