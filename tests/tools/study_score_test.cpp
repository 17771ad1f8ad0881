#include <gtest/gtest.h>

#include <algorithm>

#include "dataset/csv.h"
#include "runtime/hash.h"
#include "tests/tools/answered_folders.h"
#include "tests/tools/simulated_raters.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using Words = std::vector<std::string>;

// An exported study and its raters' files.
class StudyScore : public testing::Test {
 protected:
  // 24 items; "plain" are copies of the prompt, "mixed" other rows' targets.
  void export_study(const Words& more = {}) {
    folder = scratch("study-score");
    Words words{"study",    "export",
                "--system", "plain=" + answers().copies.string(),
                "--system", "mixed=" + answers().others.string(),
                "--data",   answers().data,
                "--out",    folder / "packet",
                "--key",    folder / "key.json",
                "--items",  "24"};
    words.insert(words.end(), more.begin(), more.end());
    const Outcome outcome = cigli(words);
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    key = read_study_key(folder / "key.json");
  }

  // A file for each list, or for the first `lists`.
  void answer_all(const std::string& name, const SimulatedAnswer& answer, bool careless = false,
                  std::size_t lists = 1000000) {
    for (std::size_t list = 0; list < std::min(lists, key.lists.size()); ++list)
      put(name + "-" + std::to_string(list) + ".json",
          simulated_response(key, static_cast<std::int64_t>(list), name + " " + std::to_string(list), answer,
                             careless));
  }

  fs::path put(const std::string& name, const std::string& text) {
    write_text(folder / name, text);
    files.push_back(folder / name);
    return files.back();
  }

  Outcome score(const Words& more = {}) const {
    Words words{"study", "score", "--key", folder / "key.json", "--out", folder / "report", "--responses"};
    words.insert(words.end(), files.begin(), files.end());
    words.insert(words.end(), more.begin(), more.end());
    return cigli(words);
  }

  Json scores(const Words& more = {}, int code = 0) {
    const Outcome outcome = score(more);
    EXPECT_EQ(outcome.code, code) << outcome.err;
    table = outcome.out;
    return Json::parse(read_text(folder / "report" / "scores.json"));
  }

  fs::path folder;
  StudyKey key;
  Words files;
  std::string table;
};

const Json& pair_of(const Json& scores, const char* question, const char* result = "all_raters") {
  for (const Json& one : scores[result]["questions"])
    if (one["question"] == question) return one["pairs"][0];
  throw std::runtime_error(std::string("no question ") + question);
}

TEST_F(StudyScore, ComesToThePlantedOutcome) {
  export_study({"--raters", "10", "--items-per-rater", "12"});
  Philox random(5);
  const SimulatedAnswer overall = prefers("plain", 0.8, 0.15, random), others = prefers("plain", 0.5, 0.15, random);
  answer_all("rater", [&](const StudyTrialKey& trial, const StudyQuestion& question) {
    return (question.key == "overall" ? overall : others)(trial, question);
  });
  const Json found = scores();
  EXPECT_EQ(found["result"], "all_raters");
  EXPECT_EQ(found["all_raters"]["answers"], 240 * 4);
  EXPECT_EQ(found["all_raters"]["raters"], 20);
  const Json& won = pair_of(found, "overall");
  EXPECT_EQ(won["first"], "plain");
  EXPECT_EQ(won["wins"].get<int>() + won["ties"].get<int>() + won["both_bad"].get<int>() + won["losses"].get<int>(),
            240);
  EXPECT_LE(won["ci"][0], 0.85 * 0.8 + 0.075);
  EXPECT_GE(won["ci"][1], 0.85 * 0.8 + 0.075);
  EXPECT_GT(won["ci"][0], 0.5);
  EXPECT_EQ(won["verdict"], "plain preferred");
  EXPECT_EQ(pair_of(found, "look")["verdict"], "no difference found: within 35.0 % and 65.0 %");
  for (const Json& rater : found["raters"]) EXPECT_FALSE(rater.contains("failed")) << rater;
  for (const Json& question : found["all_raters"]["questions"]) {
    EXPECT_LT(question["side_bias"]["left"].get<double>(), 0.6);
    EXPECT_TRUE(question["pairs"][0]["agreement"]["fleiss_kappa"].is_number());
    EXPECT_EQ(question["pairs"][0]["agreement"]["units"], 24);
    EXPECT_FALSE(question.contains("bradley_terry"));
  }
  EXPECT_EQ(found["all_raters"]["by_item"].size(), 24u);
  EXPECT_TRUE(contains(table, "plain over mixed")) << table;
  EXPECT_TRUE(contains(table, "plain preferred")) << table;
  const std::string page = read_text(folder / "report" / "index.html");
  for (const char* part :
       {"plain over mixed", "Reporting sheet", "Where raters disagree most", "data:image/png;base64"})
    EXPECT_TRUE(contains(page, part)) << part;
  EXPECT_FALSE(contains(page, "changed since the export") || contains(page, "<script"));
}

TEST_F(StudyScore, LeadsEachJudgementBackToItsRow) {
  export_study({"--raters", "2", "--items-per-rater", "12"});
  Philox random(1);
  answer_all("rater", prefers("mixed", 0.7, 0, random));
  scores();
  const std::string text = read_text(folder / "report" / "judgements.csv");
  CsvReader csv(text);
  const std::vector<std::string> header = csv.next().cells;
  std::map<std::string, int> kinds;
  while (!csv.at_end()) {
    const std::vector<std::string> cells = csv.next().cells;
    ASSERT_EQ(cells.size(), header.size());
    std::map<std::string, std::string> row;
    for (std::size_t i = 0; i < cells.size(); ++i) row[header[i]] = cells[i];
    ++kinds[row["kind"]];
    const Json& asked = answers().rows[static_cast<std::size_t>(std::stoi(row["line"])) - 1];
    EXPECT_EQ(asked["id"], row["item"]);
    for (const std::string side : {"left_", "right_"}) {
      EXPECT_TRUE(fs::exists(folder / "packet" / row[side + "image"]));
      if (row["kind"] == "catch") {
        EXPECT_EQ(row[side + "system"], "");
        continue;
      }
      EXPECT_EQ(sha256_file(row[side + "file"]), row[side + "sha256"]);
      EXPECT_EQ(fs::path(row[side + "file"]).parent_path(),
                row[side + "system"] == "plain" ? answers().copies : answers().others);
      EXPECT_EQ(fs::path(row[side + "file"]).stem(), row["item"]);
    }
  }
  EXPECT_EQ(kinds["judged"], 48 * 4);
  EXPECT_EQ(kinds["attention"], 4 * 4);
  EXPECT_EQ(kinds["catch"], 4 * 4);
  EXPECT_EQ(kinds["repeat"], 4 * 4);
}

TEST_F(StudyScore, SaysThatRatersPreferASide) {
  export_study({"--raters", "10", "--items-per-rater", "12"});
  Philox random(2);
  answer_all("rater", [&](const StudyTrialKey&, const StudyQuestion&) {
    return std::string(random.uniform() < 0.8 ? "left" : "right");
  });
  const Json found = scores();
  for (const Json& question : found["all_raters"]["questions"]) {
    EXPECT_EQ(question["side_bias"]["biased"], true);
    EXPECT_GT(question["side_bias"]["ci"][0], 0.5);
  }
  EXPECT_NE(pair_of(found, "overall")["verdict"], "plain preferred");  // sides are balanced
  EXPECT_TRUE(contains(table, "SIDE BIAS")) << table;
}

TEST_F(StudyScore, LeavesRandomClickersOut) {
  export_study({"--raters", "10", "--items-per-rater", "12"});
  Philox random(3);
  answer_all("rater", prefers("plain", 0.9, 0, random));
  answer_all(
      "clicker",
      [&](const StudyTrialKey&, const StudyQuestion& question) {
        return question.answers[random.below(question.answers.size())].key;
      },
      true);
  const Json found = scores({"--exclude-failed"});
  int failed = 0;
  for (const Json& rater : found["raters"]) {
    const bool clicks = rater["rater"].get<std::string>().rfind("clicker", 0) == 0;
    failed += clicks && rater.contains("failed") ? 1 : 0;
    EXPECT_TRUE(clicks || !rater.contains("failed")) << rater;
  }
  EXPECT_GE(failed, 19);  // of 20; one in 400 passes
  EXPECT_EQ(found["result"], "passing_raters");
  const double all = pair_of(found, "overall")["win_rate"],
               kept = pair_of(found, "overall", "passing_raters")["win_rate"];
  EXPECT_LT(all, 0.78);
  EXPECT_GT(kept, 0.85);
  EXPECT_TRUE(contains(read_text(folder / "report" / "index.html"), "With and without the exclusions"));
  EXPECT_TRUE(contains(table, "fail the declared rules and are left out")) << table;
}

TEST_F(StudyScore, RanksMoreThanTwoSystems) {
  export_study({"--system", "target=" + answers().targets.string(), "--raters", "6", "--items-per-rater", "24"});
  Philox random(4);
  const std::map<std::string, double> strength{{"target", 1.0}, {"plain", 0.0}, {"mixed", -1.0}};
  answer_all("rater", [&](const StudyTrialKey& trial, const StudyQuestion&) {
    if (trial.systems.empty()) return std::string("tie");
    const double left = std::exp(strength.at(trial.systems[0])), right = std::exp(strength.at(trial.systems[1]));
    return std::string(random.uniform() * (left + right) < left ? "left" : "right");
  });
  const Json found = scores();
  int covered = 0;  // of twelve intervals
  for (const Json& question : found["all_raters"]["questions"]) {
    EXPECT_EQ(question["pairs"].size(), 3u);
    for (const Json& system : question["bradley_terry"]["systems"]) {
      const double planted = strength.at(system["system"]);
      EXPECT_NEAR(system["log_strength"].get<double>(), planted, 0.45) << system;
      covered += system["ci"][0] <= planted && planted <= system["ci"][1];
      EXPECT_LT(system["ci"][1].get<double>() - system["ci"][0].get<double>(), 1.5) << system;
    }
    std::map<std::string, double> found_strength;
    for (const Json& system : question["bradley_terry"]["systems"])
      found_strength[system["system"]] = system["log_strength"];
    EXPECT_GT(found_strength["target"], found_strength["plain"]);
    EXPECT_GT(found_strength["plain"], found_strength["mixed"]);
    for (const Json& pair : question["pairs"]) EXPECT_GE(pair["p_holm"], pair["p"]);
  }
  EXPECT_GE(covered, 10);
  EXPECT_TRUE(contains(table, "strength of target")) << table;
}

TEST_F(StudyScore, OfSingleImagesIsRatingsAndTheirOverall) {
  export_study({"--mode", "single", "--raters", "8", "--items-per-rater", "24"});
  Philox random(6);
  answer_all("rater", [&](const StudyTrialKey& trial, const StudyQuestion& question) {
    if (trial.systems.empty() || trial.systems[0] == "plain") return std::string(random.uniform() < 0.5 ? "1" : "0.5");
    return std::string(question.key == "quality" || random.uniform() < 0.5 ? "0.5" : "0");
  });
  const Json found = scores();
  const Json& questions = found["all_raters"]["questions"];
  ASSERT_EQ(questions.size(), 3u);
  EXPECT_EQ(questions[2]["question"], "overall");
  EXPECT_NEAR(questions[0]["systems"][0]["mean"].get<double>(), 0.75, 0.06);
  EXPECT_NEAR(questions[0]["systems"][1]["mean"].get<double>(), 0.25, 0.06);
  EXPECT_NEAR(questions[2]["systems"][1]["mean"].get<double>(), 0.25, 0.06);  // sqrt(0.5 x (0 or 0.5))
  EXPECT_EQ(questions[0]["differences"][0]["verdict"], "plain rated higher");
  EXPECT_NEAR(questions[1]["systems"][1]["ci"][1].get<double>(), 0.602954, 1e-6);  // 1 - 0.025^(1/16) / 2: 16 raters
  EXPECT_TRUE(questions[0]["agreement"]["alpha_ordinal"].is_number());
  EXPECT_TRUE(contains(table, "plain less mixed")) << table;
}

TEST_F(StudyScore, OfRealImagesIsHowManyAreTakenForReal) {
  export_study({"--mode", "real", "--raters", "6", "--items-per-rater", "24"});
  answer_all("rater", [&](const StudyTrialKey& trial, const StudyQuestion&) {
    return std::string(!trial.systems.empty() && trial.systems[0] != "mixed" ? "real" : "generated");
  });
  const Json found = scores();
  for (const Json& system : found["all_raters"]["questions"][0]["systems"])
    EXPECT_EQ(system["mean"], system["system"] == "mixed" ? 0 : 1) << system;
  EXPECT_TRUE(contains(table, "mixed less real")) << table;
}

TEST_F(StudyScore, SaysWhereAStudyIsTooSmall) {
  export_study({"--raters", "2", "--items-per-rater", "12"});
  Philox random(8);
  answer_all("rater", prefers("plain", 0.5, 0.15, random), false, 2);
  const Json found = scores();
  const Json& pair = pair_of(found, "overall");
  EXPECT_EQ(pair["underpowered"], true);
  EXPECT_EQ(pair["verdict"].get<std::string>().rfind("underpowered", 0), 0u);
  EXPECT_TRUE(contains(pair["warning"], "2 raters"));
  EXPECT_TRUE(contains(table, "underpowered")) << table;
}

TEST_F(StudyScore, DropsNothingSilently) {
  export_study({"--raters", "2", "--items-per-rater", "12"});
  Philox random(9);
  const SimulatedAnswer answer = prefers("plain", 0.7, 0, random);
  const std::string good = simulated_response(key, 0, "ann", answer),
                    half = simulated_response(key, 1, "bob <script>x", answer, false, 30);
  put("good.json", good);
  put("half.json", half);
  put("again.json", good);
  put("early.json",
      simulated_response(
          key, 1, "bob <script>x", [](const StudyTrialKey&, const StudyQuestion&) { return "tie"; }, false, 0));
  Json edited = Json::parse(simulated_response(key, 2, "cleo", answer));
  edited["answers"][0]["answer"] = edited["answers"][0]["answer"] == "left" ? "right" : "left";
  put("edited.json", edited.dump());
  Json other = Json::parse(simulated_response(key, 2, "dan", answer));
  other["packet"] = std::string(64, '0');
  put("other.json", other.dump());
  // Lines of a table end in CR LF, and the answers hold line ends and quotes.
  const auto quoted = [](const std::string& text) {
    std::string cell = "\"";
    for (const char c : text) cell += c == '"' ? "\"\"" : std::string(1, c);
    return cell + "\"";
  };
  put("batch.csv", "\"HITId\",\"Answer.study\"\r\n\"1\"," + quoted(simulated_response(key, 3, "eve", answer)) +
                       "\r\n\"2\",\"no study\"\r\n");
  const Json found = scores({}, 3);
  EXPECT_EQ(found["responses"]["used"], 3);
  const std::string refused = found["responses"]["refused"].dump();
  for (const char* part : {"edited.json: its digest", "other.json: of packet 000000000000", "batch.csv:", ": no JSON"})
    EXPECT_TRUE(contains(refused, part)) << refused;
  EXPECT_TRUE(contains(found["responses"]["duplicates"].dump(), "again.json: the same as"));
  EXPECT_TRUE(contains(found["responses"]["duplicates"].dump(), "early.json: saved before"));
  EXPECT_TRUE(contains(found["responses"]["unfinished"].dump(), "half.json: 30 of"));
  EXPECT_EQ(found["responses"]["unanswered_lists"], Json({2}));
  const std::string page = read_text(folder / "report" / "index.html");
  EXPECT_FALSE(contains(page, "<script>x"));
  for (const char* part : {"bob &lt;script&gt;x", "edited.json", "lists that nobody began: 2"})
    EXPECT_TRUE(contains(page, part)) << part;
  EXPECT_TRUE(contains(score().err, "other.json"));
}

TEST_F(StudyScore, BadInputGetsOneLine) {
  export_study({"--raters", "2", "--items-per-rater", "12"});
  Philox random(9);
  put("bad.json", "{");
  expect_complaint(score(), 1, {"no response can be used", "bad.json: no JSON"});
  EXPECT_FALSE(fs::exists(folder / "report"));
  files = {(folder / "none.json").string()};
  expect_complaint(score(), 1, {"none.json"});
  files = {(folder / "key.json").string()};
  expect_complaint(score(), 1, {"key.json", "format 'cigli-study-key-1'"});
  files.clear();
  put("no-column.csv", "a,b\n1,2\n");
  expect_complaint(score(), 1, {"no-column.csv:1: no column study"});
  files.clear();
  put("careless.json", simulated_response(
                           key, 0, "ann", [](const StudyTrialKey&, const StudyQuestion&) { return "tie"; }, true));
  expect_complaint(score({"--exclude-failed"}), 1, {"none of the raters who judged passes", "\"ann\" has"});
  EXPECT_EQ(score().code, 0);
  expect_complaint(
      cigli({"study", "score", "--key", folder / "key.json", "--responses", files[0], "--out", folder / "packet"}), 1,
      {"packet: holds what is no report"});
  write_text(folder / "key.json", "{}");
  expect_complaint(score(), 1, {"key.json: no key of a study: key 'format' not found"});
}

TEST_F(StudyScore, SaysWhereImagesHaveChanged) {
  const fs::path mixed = copy_of(answers().others);
  export_study({"--raters", "4", "--items-per-rater", "24", "--system", "third=" + mixed.string()});
  Philox random(11);
  answer_all("rater", [&](const StudyTrialKey&, const StudyQuestion& question) {
    return question.answers[random.below(question.answers.size())].key;
  });
  for (const auto& entry : fs::directory_iterator(mixed)) {
    if (random.uniform() < 0.5)
      fs::remove(entry.path());
    else
      write_text(entry.path(), read_text(entry.path()) + " ");
  }
  scores();
  const std::string page = read_text(folder / "report" / "index.html");
  EXPECT_TRUE(contains(page, "third (changed since the export)"));
  EXPECT_TRUE(contains(page, "third (no longer there)"));
}

}  // namespace
}  // namespace cigli
