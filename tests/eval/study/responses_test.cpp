#include "eval/study/responses.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>

#include "eval/study/judgements.h"
#include "tests/temporary_folder.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// One list of five trials and one question: two items, a repeat of the first with its sides exchanged, an attention
// check and an obvious pair.
StudyKey small_study_key() {
  StudyKey key;
  key.packet = std::string(64, 'a');
  key.systems = {{"A", "a", "", "", false}, {"B", "b", "", "", false}};
  key.comparisons = {{"A", "B"}};
  key.items = {{"one", 1, "first", ""}, {"two", 2, "second", ""}};
  key.questions = {{"text", "Which?", {{"left", "Left"}, {"right", "Right"}, {"tie", "Tie"}, {"both-bad", "None"}}}};
  key.trials = {{"judged", "one", {"A", "B"}, {"img/1a", "img/1b"}, ""},
                {"judged", "two", {"B", "A"}, {"img/2b", "img/2a"}, ""},
                {"attention", "one", {}, {"img/1b", "img/1a"}, "right"},
                {"catch", "two", {}, {"img/c", "img/d"}, "left"},
                {"judged", "one", {"B", "A"}, {"img/1b", "img/1a"}, ""}};
  for (const char* item : {"one", "two"})
    for (const char* system : {"A", "B"})
      key.images[std::string("img/") + (*item == 'o' ? "1" : "2") + (*system == 'A' ? "a" : "b")] = {
          system, item, std::string(system) + "/" + item + ".png", "hash", "model", "7"};
  for (const char* name : {"img/c", "img/d"}) key.images[name] = {"", "two", "data/two.png", "hash", "", ""};
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
  EXPECT_TRUE(read.refused.empty());
  ASSERT_EQ(read.duplicates.size(), 2u);
  EXPECT_TRUE(names(read.duplicates, "half.json: saved before"));
  EXPECT_TRUE(names(read.duplicates, "again.json: the same as"));
  ASSERT_EQ(read.unfinished.size(), 1u);
  EXPECT_TRUE(names(read.unfinished, "bob.json: 3 of 5 answers"));
}

TEST_F(StudyResponsesTest, ThatContradictEachOtherAreNamed) {
  const StudyResponse other = answered("ann", {"right", "right"});
  for (const bool first : {false, true}) {
    std::vector<fs::path> files{put("ann.json", saved(good, key).dump()), put("other.json", saved(other, key).dump())};
    if (first) std::swap(files[0], files[1]);
    const auto read = read_responses(files, key);
    ASSERT_EQ(read.usable.size(), 1u);
    EXPECT_EQ(read.usable[0].replies.size(), 5u);
    EXPECT_TRUE(names(read.refused, "other.json: answers list 0 as \"ann\" does in")) << read.refused.size();
  }
}

TEST_F(StudyResponsesTest, OfOddNamesOrTimesAreRefused) {
  const auto refuses = [&](StudyResponse response, const char* reason) {
    const auto read = read_responses({put("x.json", saved(response, key).dump())}, key);
    EXPECT_TRUE(read.usable.empty());
    EXPECT_TRUE(names(read.refused, reason)) << reason;
  };
  for (const char* name : {"", "  "}) refuses(answered(name, {"left"}), "no name of a rater");
  refuses(answered("a\nb", {"left"}), "control characters");
  refuses(answered(std::string(500, 'x'), {"left"}), "of 500 bytes");
  refuses(answered("ann", {"left"}, -3), "took -3.0");
  refuses(answered("ann", {"left"}, 1e9), "seconds");
  Json none = saved(good, key), parts = saved(good, key);
  none["answers"] = nullptr;
  parts["answers"][0]["position"] = 0.5;
  EXPECT_TRUE(names(read_responses({put("x.json", none.dump())}, key).refused, "its answers are no array"));
  EXPECT_TRUE(names(read_responses({put("x.json", parts.dump())}, key).refused, "position is no whole number"));
}

TEST_F(StudyResponsesTest, ThatAreEmptyAreNamed) {
  for (const char* text : {"[]", "study\n", "study\n\n\n"}) {
    const auto read =
        read_responses({put(text[0] == '[' ? "x.json" : "x.csv", text), put("a.json", saved(good, key).dump())}, key);
    EXPECT_EQ(read.usable.size(), 1u);
    ASSERT_EQ(read.refused.size(), 1u) << text;
    EXPECT_TRUE(names(read.refused, text[0] == '[' ? "x.json: no tasks" : "x.csv: no rows"));
  }
  const auto rejected = read_responses({put("x.csv", "AssignmentStatus,study\nRejected,\"x\"\nApproved,\n\n")}, key);
  EXPECT_TRUE(names(rejected.refused, "x.csv:2: its assignment was rejected"));
  EXPECT_TRUE(names(rejected.refused, "x.csv:3: empty"));
  EXPECT_EQ(rejected.refused.size(), 2u);
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

TEST_F(StudyResponsesTest, ComeToATableThatNoSpreadsheetComputes) {
  StudyKey odd = key;
  odd.items[0].id = "=1+1";
  for (StudyTrialKey& trial : odd.trials)
    if (trial.item == "one") trial.item = "=1+1";
  odd.images["img/1a"] = {"@A", "=1+1", "-x/one.png", "hash", "+m", "-7"};
  StudyResponses responses;
  responses.usable = {answered("-ann", {"left"})};
  responses.usable[0].source = "+ann.json";
  const std::string table = judgement_table(responses, odd);
  EXPECT_EQ(table.substr(table.find('\n') + 1),
            "'+ann.json,'-ann,0,0,judged,text,left,4.0,0,,'=1+1,1,"
            "'@A,img/1a,'-x/one.png,hash,'+m,-7,B,img/1b,B/one.png,hash,model,7,\n");
}

TEST_F(StudyResponsesTest, KeysThatDoNotFitTogetherAreRefused) {
  write_study_key(folder / "key.json", key);
  std::ifstream stream(folder / "key.json");
  const Json whole = Json::parse(stream);
  EXPECT_EQ(error_of([&] { read_study_key(folder / "key.json"); }), "");
  const auto refuses = [&](const char* reason, const std::function<void(Json&)>& change) {
    Json damaged = whole;
    change(damaged);
    const std::string error = error_of([&] { read_study_key(put("damaged.json", damaged.dump())); });
    EXPECT_NE(error.find("damaged.json: "), std::string::npos) << reason;
    EXPECT_NE(error.find(reason), std::string::npos) << error;
  };
  for (const auto& [member, value] : whole.items()) {
    const std::string name = member;
    refuses(("'" + name + "'").c_str(), [&](Json& json) { json.erase(name); });
    if (value.is_structured()) refuses("", [&](Json& json) { json[name] = nullptr; });
  }
  refuses("not as many repeats", [](Json& json) { json["repeats"] = Json::array(); });
  refuses("out of place", [](Json& json) { json["repeats"][0][0]["position"] = 999; });
  refuses("out of place", [](Json& json) { json["repeats"][0][0]["of"] = -5; });
  for (const std::int64_t trial : {std::int64_t{-1}, std::int64_t{99999}, std::int64_t{1} << 50})
    refuses("which is none", [&](Json& json) { json["lists"][0][1] = trial; });
  refuses("no number of a trial", [](Json& json) { json["lists"][0][1] = 1.5; });
  refuses("no items", [](Json& json) { json["items"] = Json::array(); });
  refuses("two items are named one", [](Json& json) { json["items"][1]["id"] = "one"; });
  refuses("is of no item", [](Json& json) { json["trials"][0]["item"] = "nine"; });
  refuses("kind odd", [](Json& json) { json["trials"][0]["kind"] = "odd"; });
  refuses("expects no answer", [](Json& json) { json["trials"][0]["kind"] = "catch"; });
  refuses("not compared", [](Json& json) { json["trials"][0]["systems"] = Json::array(); });
  refuses("does not list", [](Json& json) { json["images"].erase("img/1a"); });
  refuses("not the item's by that system", [](Json& json) { json["trials"][0]["systems"] = {"B", "A"}; });
  refuses("in the mode single", [](Json& json) { json["mode"] = "single"; });
  refuses("stands twice", [](Json& json) { json["comparisons"].push_back(Json::array({"B", "A"})); });
  refuses("a comparison of C", [](Json& json) { json["comparisons"][0] = {"A", "C"}; });
  refuses("no share", [](Json& json) { json["exclusion"]["attention"] = 1e9; });
}

TEST_F(StudyResponsesTest, KeysSurviveTheirFile) {
  StudyKey full = key;
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
  EXPECT_EQ(read.images.at("img/1a").model, "model");
  EXPECT_EQ(read.trials[4].images, full.trials[4].images);
  EXPECT_EQ(read.exclusion.seconds, 2.5);
  EXPECT_EQ(read.items[1].sentence, "second");
  for (const char* text : {"", "{}", "[1]", "{\"format\": \"other\"}"})
    EXPECT_NE(error_of([&] { read_study_key(put("bad.json", text)); }).find("bad.json: "), std::string::npos) << text;
}

}  // namespace
}  // namespace cigli
