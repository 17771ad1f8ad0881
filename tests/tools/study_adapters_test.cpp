#include <gtest/gtest.h>

#include <map>
#include <set>

#include "dataset/csv.h"
#include "tests/tools/answered_folders.h"
#include "tests/tools/simulated_raters.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using Words = std::vector<std::string>;

constexpr const char* kHost = "https://example.org/s1";

Outcome export_for(const std::string& adapter, const fs::path& folder, const Words& more = {}) {
  Words words{"study",
              "export",
              "--system",
              "plain=" + answers().copies.string(),
              "--system",
              "mixed=" + answers().others.string(),
              "--data",
              answers().data,
              "--out",
              folder / "packet",
              "--key",
              folder / "key.json",
              "--items",
              "12",
              "--raters",
              "4",
              "--items-per-rater",
              "6",
              "--adapter",
              adapter};
  words.insert(words.end(), more.begin(), more.end());
  return cigli(words);
}

fs::path adapted(const std::string& adapter) {
  const fs::path folder = scratch("study-" + adapter);
  const Outcome outcome = export_for(adapter, folder, {"--host", kHost});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_TRUE(contains(outcome.out, "packet-" + adapter + ": for " + adapter)) << outcome.out;
  const Outcome checked = cigli({"study", "check", folder / "packet", "--key", folder / "key.json"});
  EXPECT_EQ(checked.code, 0) << checked.out;
  for (const auto& entry : fs::directory_iterator(folder / ("packet-" + adapter)))
    for (const char* word : {"plain", "mixed", "attention\"", "catch"})
      EXPECT_FALSE(contains(read_text(entry.path()), word)) << entry.path() << ": " << word;
  return folder;
}

// Rows of a table by its header.
std::vector<std::map<std::string, std::string>> table(const fs::path& file) {
  const std::string text = read_text(file);
  CsvReader csv(text);
  const std::vector<std::string> header = csv.next().cells;
  std::vector<std::map<std::string, std::string>> rows;
  while (!csv.at_end()) {
    const std::vector<std::string> cells = csv.next().cells;
    auto& row = rows.emplace_back();
    for (std::size_t i = 0; i < cells.size(); ++i) row[header.at(i)] = cells[i];
  }
  return rows;
}

TEST(StudyAdapter, OfMechanicalTurkHasAHitAList) {
  const fs::path folder = adapted("mturk");
  const auto rows = table(folder / "packet-mturk" / "hits.csv");
  ASSERT_EQ(rows.size(), 8u);
  for (std::size_t i = 0; i < rows.size(); ++i)
    EXPECT_EQ(rows[i].at("url"), std::string(kHost) + "/index.html?list=" + std::to_string(i));
  const std::string page = read_text(folder / "packet-mturk" / "template.html");
  for (const char* part : {"href=\"${url}\"", "name=\"study\"", "name=\"code\"", "<crowd-form", "workerId"})
    EXPECT_TRUE(contains(page, part)) << part;
  EXPECT_FALSE(contains(page, "TITLE") || contains(page, "COPY"));
}

TEST(StudyAdapter, OfProlificHasItsParametersAndCodes) {
  const fs::path folder = adapted("prolific");
  const std::string text = read_text(folder / "packet" / "data.js");
  const Json study = Json::parse(text.substr(15, text.rfind(';') - 15));
  const auto rows = table(folder / "packet-prolific" / "lists.csv");
  ASSERT_EQ(rows.size(), 8u);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::string code = study["codes"][i];
    EXPECT_EQ(rows[i].at("code"), code);
    EXPECT_EQ(rows[i].at("url"),
              std::string(kHost) + "/index.html?list=" + std::to_string(i) +
                  "&PROLIFIC_PID={{%PROLIFIC_PID%}}&STUDY_ID={{%STUDY_ID%}}&SESSION_ID={{%SESSION_ID%}}");
    EXPECT_EQ(rows[i].at("completion"), "https://app.prolific.com/submissions/complete?cc=" + code);
  }
  EXPECT_EQ(study["texts"]["completion_url"], "https://app.prolific.com/submissions/complete?cc={code}");
}

// As Label Studio exports a project of list `list`, annotated as `response`, a file of the page's, has it.
Json annotated(const fs::path& folder, std::int64_t list, const Json& response, const Json& who) {
  Json tasks = Json::parse(read_text(folder / "packet-label-studio" / ("list-" + std::to_string(list) + ".json")));
  for (Json& task : tasks) {
    Json results = Json::array();
    for (const Json& answer : response["answers"])
      if (answer["position"] == task["data"]["position"])
        results.push_back({{"from_name", "answer_" + answer["question"].get<std::string>()},
                           {"to_name", "sentence"},
                           {"type", "choices"},
                           {"value", {{"choices", {answer["answer"]}}}}});
    task["annotations"] = {{{"completed_by", who},
                            {"result", results},
                            {"was_cancelled", false},
                            {"created_at", "2026-01-01T10:00:00.5Z"},
                            {"lead_time", 20.0}}};
  }
  return tasks;
}

TEST(StudyAdapter, OfLabelStudioComesBackAsThePagesAnswersDo) {
  const fs::path folder = adapted("label-studio");
  const std::string labels = read_text(folder / "packet-label-studio" / "labels.xml");
  for (const char* part :
       {"<Choices name=\"answer_overall\" toName=\"shown_sentence\"", "alias=\"both-bad\"", "value=\"$left\""})
    EXPECT_TRUE(contains(labels, part)) << labels;
  // No two elements have one name: Label Studio refuses such labels.
  std::set<std::string> names;
  for (std::size_t at = labels.find(" name=\""); at != std::string::npos; at = labels.find(" name=\"", at + 1))
    EXPECT_TRUE(names.insert(labels.substr(at + 7, labels.find('"', at + 7) - at - 7)).second) << labels;
  EXPECT_EQ(names.size(), 8u);
  const StudyKey key = read_study_key(folder / "key.json");
  Philox random(12);
  Words own, theirs;
  for (std::size_t list = 0; list < key.lists.size(); ++list) {
    const auto number = static_cast<std::int64_t>(list);
    const Json response = Json::parse(simulated_response(key, number, "rater", prefers("plain", 0.7, 0.1, random)));
    own.push_back(folder / ("own-" + std::to_string(list) + ".json"));
    theirs.push_back(folder / ("theirs-" + std::to_string(list) + ".json"));
    write_text(own.back(), response.dump());
    const Json who = list % 2 == 0 ? Json(7) : Json{{"id", 7}, {"email", "a@example.org"}};
    write_text(theirs.back(), annotated(folder, number, response, who).dump());
  }
  const auto score = [&](const Words& files, int code) {
    Words words{"study", "score", "--key", folder / "key.json", "--out", folder / "report", "--responses"};
    words.insert(words.end(), files.begin(), files.end());
    const Outcome outcome = cigli(words);
    EXPECT_EQ(outcome.code, code) << outcome.err;
    return Json::parse(read_text(folder / "report" / "scores.json"));
  };
  const Json first = score(own, 0), second = score(theirs, 0);
  for (std::size_t q = 0; q < 4; ++q) {
    const Json &a = first["all_raters"]["questions"][q]["pairs"][0],
               &b = second["all_raters"]["questions"][q]["pairs"][0];
    for (const char* count : {"wins", "ties", "both_bad", "losses"}) EXPECT_EQ(a[count], b[count]);
  }
  EXPECT_EQ(second["raters"][0]["rater"], "label-studio:7");
  EXPECT_EQ(second["raters"][0]["median_seconds"], 5);
  EXPECT_EQ(second["raters"].size(), 1u);  // one person, by number or with an address

  // A task that isn't one, one that was skipped, one without times, one done twice, an answer that there is none of.
  Json tasks = Json::parse(read_text(theirs[0]));
  tasks.push_back({{"data", {{"text", "x"}}}});
  tasks[0]["annotations"][0]["was_cancelled"] = true;
  for (const char* time : {"created_at", "lead_time"}) tasks[1]["annotations"][0][time] = nullptr;
  tasks[2]["annotations"].push_back(tasks[2]["annotations"][0]);
  tasks[3]["annotations"][0]["completed_by"] = nullptr;
  write_text(theirs[0], tasks.dump());
  tasks = Json::parse(read_text(theirs[1]));
  tasks[0]["annotations"][0]["result"][0]["value"]["choices"][0] = "perhaps";
  tasks[1]["annotations"][0]["result"][0]["value"]["choices"] = {"left", "right"};
  write_text(theirs[1], tasks.dump());
  const Json third = score(theirs, 3);
  const std::string refused = third["responses"]["refused"].dump();
  for (const char* part : {"task 10: no task of a study", "which has no such answer",
                           "task 4: an annotation without an annotator", "task 2: answer_text has not one choice"})
    EXPECT_TRUE(contains(refused, part)) << refused;
  EXPECT_TRUE(contains(third["responses"]["unfinished"].dump(), "theirs-0.json (label-studio:7): 28 of 36 answers"));
  EXPECT_TRUE(contains(third["responses"]["duplicates"].dump(), "task 3: annotated more than once by label-studio:7"));
  EXPECT_FALSE(third["raters"][0].contains("failed")) << third["raters"][0];  // of unknown times nothing follows
}

TEST(StudyAdapter, BadInputLeavesNothingBehind) {
  const fs::path folder = scratch("study-adapter");
  expect_complaint(export_for("mturk", folder), 2, {"--adapter", "--host"});
  expect_complaint(export_for("turk", folder, {"--host", kHost}), 2, {"--adapter", "mturk"});
  for (const char* host : {"javascript:alert(1)", "https://x/?a=1", "example.org"})
    expect_complaint(export_for("mturk", folder, {"--host", host}), 2, {"--host", "expected an address"});
  fs::create_directory(folder / "packet-mturk");
  expect_complaint(export_for("mturk", folder, {"--host", kHost}), 1, {"packet-mturk: is there already"});
  fs::remove(folder / "packet-mturk");
  expect_complaint(export_for("mturk", folder, {"--host", kHost, "--items", "25"}), 1, {"24 rows can be shown"});
  EXPECT_TRUE(fs::is_empty(folder));
}

}  // namespace
}  // namespace cigli
