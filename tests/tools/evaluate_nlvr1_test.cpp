#include <gtest/gtest.h>

#include <fstream>

#include "dataset/metadata.h"
#include "tests/eval/nlvr1/drawing.h"
#include "tests/tools/command.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr auto black = Nlvr1Colour::black, yellow = Nlvr1Colour::yellow, blue = Nlvr1Colour::blue;

nlohmann::ordered_json described(const Nlvr1Box& box) {
  constexpr std::array colours{"Black", "Yellow", "#0099ff"};
  nlohmann::ordered_json items = nlohmann::ordered_json::array();
  for (const Nlvr1Item& item : box)
    items.push_back({{"x_loc", item.x},
                     {"y_loc", item.y},
                     {"size", item.size},
                     {"type", name(item.shape)},
                     {"color", colours.at(static_cast<std::size_t>(item.colour))}});
  return items;
}

// Six rows of five sentences, each with a true third box. One sentence is none that the grammar reads.
class EvaluateNlvr1 : public testing::Test {
 protected:
  void SetUp() override {
    folder = scratch(std::string("nlvr1-") + testing::UnitTest::GetInstance()->current_test_info()->name());
    add("1-0", "There is a tower with four blocks.", tower({black, blue, blue, yellow}));
    add("1-1", "There is a tower with four blocks.", tower({yellow, yellow, yellow, black}));
    add("2-0", "There are exactly two yellow towers", tower({yellow, yellow}));
    add("3-0", "There is no blue tower", tower({black}));
    add("4-0", "There is a tower with a black block at the top", tower({blue, black}));
    add("5-0", "The boxes look rather nice", tower({blue}));
  }

  // Prompt boxes: a yellow block, and a black block under a yellow one.
  void add(const std::string& identifier, const std::string& text, const Nlvr1Box& target) {
    Row row;
    row.id = "test-" + identifier + "-0";
    row.text = text;
    row.prompt_file_name = "prompts/" + identifier + ".png";
    row.target_file_name = "targets/" + identifier + ".png";
    row.object = {{"source", "nlvr1"}, {"identifier", identifier}};
    row.object["structured_rep"] = {described(tower({yellow})), described(tower({black, yellow})), described(target)};
    write_png(data() / row.target_file_name, drawn(target, 100));
    rows.push_back(row);
    targets.push_back(target);
  }
  void give(std::size_t i, const Nlvr1Box& box) const { write_png(file(i), drawn(box, 64)); }
  void give_true() const {
    for (std::size_t i = 0; i < rows.size(); ++i) give(i, targets[i]);
  }
  fs::path file(std::size_t i) const { return folder / "generated" / (rows[i].id + ".png"); }
  fs::path data() const {
    fs::create_directories(folder / "data/targets");
    fs::create_directories(folder / "generated");
    return folder / "data";
  }
  Outcome evaluate(const std::vector<std::string>& more) const {
    write_metadata(data(), rows);
    std::vector<std::string> words{"evaluate",  "--generated", folder / "generated", "--data", data(),
                                   "--metrics", "nlvr1"};
    words.insert(words.end(), more.begin(), more.end());
    return cigli(words);
  }
  Json scores(std::vector<std::string> more = {}, int code = 0) const {
    more.insert(more.begin(), "--json");
    const Outcome outcome = evaluate(more);
    EXPECT_EQ(outcome.code, code) << outcome.err;
    return Json::parse(outcome.out).at("nlvr1");
  }

  fs::path folder;
  std::vector<Row> rows;
  std::vector<Nlvr1Box> targets;
};

TEST_F(EvaluateNlvr1, TrueBoxesMakeSentencesTrue) {
  give_true();
  const Json json = scores();
  EXPECT_EQ(json["rows"], 6);
  EXPECT_NEAR(json["coverage"]["value"].get<double>(), 5 / 6.0, 1e-12);
  const Json& truth = json["truth"];
  EXPECT_EQ(truth["n"], 5);
  EXPECT_EQ(truth["sentences"], 4);
  EXPECT_EQ(truth["generated"]["value"], 1.0);
  EXPECT_EQ(truth["real"], truth["generated"]);
  EXPECT_NEAR(truth["generated"]["ci"][0].get<double>(), std::pow(0.025, 1 / 4.0), 1e-9);  // 4 of 4, exact
  EXPECT_NEAR(truth["blank"]["value"].get<double>(), 0.2, 1e-12);                          // "no blue tower" alone
  EXPECT_NEAR(truth["generated_minus_blank"]["value"].get<double>(), 0.8, 1e-12);
  EXPECT_EQ(truth["generated_minus_blank"]["ci"].size(), 2u);
  EXPECT_EQ(json["well_formed"]["value"], 1.0);
  EXPECT_EQ(json["well_formed"]["n"], 14);  // blocks
  EXPECT_NEAR(json["fd_items"].get<double>(), 0, 1e-6);
  for (const char* key : {"missing", "damaged", "undescribed", "unusable"}) EXPECT_EQ(json[key], 0) << key;
  EXPECT_FALSE(json.contains("in_training"));
}

TEST_F(EvaluateNlvr1, BlankBoxesAreNoBetterThanBlankOnes) {
  for (std::size_t i = 0; i < rows.size(); ++i) give(i, {});
  const Json json = scores();
  EXPECT_EQ(json["truth"]["generated"], json["truth"]["blank"]);
  EXPECT_EQ(json["truth"]["generated_minus_blank"]["value"], 0.0);
  EXPECT_TRUE(json["well_formed"]["value"].is_null());  // no blob at all
  EXPECT_EQ(json["well_formed"]["n"], 0);
  EXPECT_EQ(json["well_formed_real"]["value"], 1.0);
  EXPECT_GT(json["fd_items"].get<double>(), 0.5);
}

TEST_F(EvaluateNlvr1, MissingAndDamagedImagesAreFalseAndReported) {
  give_true();
  fs::remove(file(0));
  write_text(file(1), "no image");
  write_png(file(2), Image(64, 32));
  const Json json = scores({}, 3);
  EXPECT_EQ(json["missing"], 1);
  EXPECT_EQ(json["damaged"], 2);
  EXPECT_EQ(json["truth"]["n"], 5);
  EXPECT_NEAR(json["truth"]["generated"]["value"].get<double>(), 2 / 5.0, 1e-12);
  EXPECT_EQ(scores({"--present-only"}, 3)["truth"]["n"], 4);  // damaged ones still count
  const std::string complaint = evaluate({}).err;
  for (const char* part : {"test-1-0-0", "test-1-1-0.png", "64x32 pixels, expected a square box"})
    EXPECT_NE(complaint.find(part), std::string::npos) << complaint;
}

TEST_F(EvaluateNlvr1, RowsWithoutTruthAreReported) {
  give_true();
  rows[0].object.erase("structured_rep");
  rows[3].object["structured_rep"] = 7;
  fs::remove(data() / rows[4].target_file_name);
  const Json json = scores({"--rows", folder / "rows.jsonl"}, 3);
  EXPECT_EQ(json["undescribed"], 1);
  EXPECT_EQ(json["unusable"], 2);
  EXPECT_EQ(json["rows"], 4);
  EXPECT_EQ(json["truth"]["n"], 2);
  const std::vector<Json> lines = read_lines(folder / "rows.jsonl");
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_TRUE(lines[0]["generated"].is_null());  // undescribed
  EXPECT_EQ(lines[0]["items"], 4);
  EXPECT_EQ(lines[1]["generated"], true);
  EXPECT_EQ(lines[1]["form"], "boxes(tower & count(square) = 4) = 1..");
  EXPECT_TRUE(lines[3]["form"].is_null());
  const std::string complaint = evaluate({}).err;
  for (const char* part : {"metadata.jsonl:4: structured_rep", "metadata.jsonl:5: ", "1 rows without structured_rep"})
    EXPECT_NE(complaint.find(part), std::string::npos) << complaint;
}

TEST_F(EvaluateNlvr1, SentencesOfTheTrainingDataAreReportedApart) {
  give_true();
  give(0, {});
  fs::create_directories(folder / "training");
  std::vector<Row> known{rows[0]};
  known[0].text = "there is a tower with FOUR blocks";
  write_metadata(folder / "training", known);
  const Json json = scores({"--training", folder / "training"});
  EXPECT_EQ(json["in_training"]["n"], 2);
  EXPECT_EQ(json["in_training"]["generated"]["value"], 0.5);
  EXPECT_EQ(json["not_in_training"]["n"], 3);
  EXPECT_EQ(json["not_in_training"]["generated"]["value"], 1.0);
}

TEST_F(EvaluateNlvr1, OnlyTrainingRowsHaveSentencesOfTheTrainingData) {
  give_true();
  fs::create_directories(folder / "training");
  std::vector<Row> known{rows[0], rows[2]};
  known[0].split = "train";
  known[1].split = "val";
  write_metadata(folder / "training", known);
  const Json json = scores({"--training", folder / "training"});
  EXPECT_EQ(json["in_training"]["n"], 2);
  EXPECT_EQ(json["not_in_training"]["n"], 3);
  known.erase(known.begin());
  write_metadata(folder / "training", known);
  expect_complaint(evaluate({"--training", folder / "training"}), 1,
                   {"metadata.jsonl: no row of split 'train' or without a split"});
}

TEST_F(EvaluateNlvr1, FoldersAreComparedRowByRow) {
  give_true();
  const fs::path blanks = folder / "blanks";
  fs::create_directories(blanks);
  for (const Row& row : rows) write_png(blanks / (row.id + ".png"), drawn(Nlvr1Box{}, 64));
  const Outcome outcome = evaluate({"--compare", blanks, "--swapped-text", blanks, "--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Json all = Json::parse(outcome.out), difference = all.at("difference").at("nlvr1"),
             drop = all.at("sensitivity").at("generation").at("text").at("nlvr1"),
             over_blank = all.at("nlvr1").at("truth").at("generated_minus_blank");
  EXPECT_EQ(difference["value"], over_blank["value"]);
  EXPECT_EQ(difference["ci"], over_blank["ci"]);
  EXPECT_EQ(difference["n"], 5);
  EXPECT_EQ(difference["clusters"], 4);
  EXPECT_EQ(difference["distinguishable"], over_blank["ci"][0].get<double>() > 0);
  EXPECT_EQ(drop, (Json{{"drop", over_blank["value"]}, {"n", 5}, {"ci", over_blank["ci"]}, {"clusters", 4}}));

  // No row differs: exact, of four sentences.
  const Outcome same = evaluate({"--compare", folder / "generated", "--out", folder / "same.json"});
  EXPECT_EQ(same.code, 0) << same.err;
  for (const char* part : {"\ndifference", "\nnlvr1 ", "not distinguishable"})
    EXPECT_TRUE(contains(same.out, part)) << same.out << " lacks " << part;
  const Json none = Json::parse(read_text(folder / "same.json")).at("difference").at("nlvr1");
  EXPECT_EQ(none["value"], 0);
  EXPECT_NEAR(none["ci"][1].get<double>(), 1 - std::pow(0.025, 1 / 4.0), 1e-9);
  EXPECT_EQ(none["ci"][0].get<double>(), -none["ci"][1].get<double>());
  EXPECT_EQ(none["distinguishable"], false);

  fs::remove(blanks / (rows[4].id + ".png"));
  fs::remove(file(0));
  const Outcome fewer = evaluate({"--compare", blanks, "--json"});
  EXPECT_EQ(fewer.code, 3);
  EXPECT_TRUE(contains(fewer.err, "1 images are missing and not compared: " + rows[4].id)) << fewer.err;
  EXPECT_EQ(Json::parse(fewer.out).at("difference").at("nlvr1").at("n"), 3);
}

TEST_F(EvaluateNlvr1, RowsOfOneNumberAreOneCluster) {
  rows.clear();
  targets.clear();
  constexpr std::array colours{black, yellow, blue};
  for (std::size_t number = 0; number < 24; ++number)
    for (const char* example : {"-0", "-1"})
      add(std::to_string(number) + example, "There is no blue tower",
          tower({colours.at(number % 3), colours.at(number / 3 % 3)}));
  const fs::path blanks = folder / "blanks";
  fs::create_directories(blanks);
  fs::create_directories(data() / "prompts");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    write_png(data() / rows[i].prompt_file_name, Image(250, 100, 211));
    write_png(blanks / (rows[i].id + ".png"), drawn(Nlvr1Box{}, 64));
    give(i, i / 2 % 2 == 0 ? targets[i] : Nlvr1Box{});
  }
  const auto compared = [&](const std::string& metrics) {
    write_metadata(data(), rows);
    const Outcome outcome = cigli({"evaluate", "--generated", folder / "generated", "--data", data(), "--metrics",
                                   metrics, "--compare", blanks, "--json"});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return Json::parse(outcome.out);
  };
  const Json all = compared("ssim,text_faithfulness");
  for (const char* name : {"ssim", "text_faithfulness_dataset"}) {
    EXPECT_EQ(all[name]["n"], 48) << name;
    EXPECT_EQ(all[name]["clusters"], 24) << name;
    EXPECT_TRUE(all[name]["ci"].is_array()) << name << all[name];
    EXPECT_EQ(all["difference"][name]["clusters"], 24) << name;
    EXPECT_TRUE(all["difference"][name]["ci"].is_array()) << name;
  }
  // As many rows, but of fewer numbers than an interval takes.
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i].object["identifier"] = std::to_string(i % 12) + "-0";
  const Json few = compared("ssim")["ssim"];
  EXPECT_EQ(few["clusters"], 12);
  EXPECT_TRUE(few["ci"].is_null());
  EXPECT_TRUE(contains(few["note"].get<std::string>(), "it takes 20 clusters of rows")) << few;
}

TEST_F(EvaluateNlvr1, WithoutATruthThereIsNoDifference) {
  give_true();
  for (Row& row : rows) row.object.erase("structured_rep");
  const Outcome outcome =
      evaluate({"--compare", folder / "generated", "--swapped-image", folder / "generated", "--json"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  const Json all = Json::parse(outcome.out), difference = all.at("difference").at("nlvr1");
  for (const char* key : {"value", "ci", "distinguishable"}) EXPECT_TRUE(difference.at(key).is_null()) << key;
  EXPECT_EQ(difference["n"], 0);
  EXPECT_EQ(difference["note"], "no row has a value in both");
  EXPECT_TRUE(all.at("sensitivity").at("generation").at("image").at("nlvr1").at("drop").is_null());
}

TEST_F(EvaluateNlvr1, OneRowHasNoOtherBoxToBorrow) {
  rows.resize(1);
  give(0, targets[0]);
  const Json json = scores();
  EXPECT_TRUE(json["truth"]["random"]["value"].is_null());
  EXPECT_EQ(json["truth"]["real"]["value"], 1.0);
}

TEST_F(EvaluateNlvr1, PrintsATableAndWritesTheScores) {
  give_true();
  const Outcome outcome = evaluate({"--out", folder / "scores.json", "--training", data()});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  for (const char* part : {"sentence true, all rows", "third box blank", "in training", "clear items", "100.0%"})
    EXPECT_NE(outcome.out.find(part), std::string::npos) << outcome.out;
  EXPECT_TRUE(Json::parse(read_text(folder / "scores.json")).contains("nlvr1"));
}

TEST_F(EvaluateNlvr1, DoesNotDependOnThreads) {
  give_true();
  give(4, {});
  EXPECT_EQ(scores({"--threads", "1"}), scores({"--threads", "4"}));
}

TEST_F(EvaluateNlvr1, SaysWhatItLacks) {
  data();
  expect_complaint(evaluate({}), 1, {"none of the 6 images is there"});
  give_true();
  expect_complaint(evaluate({"--training", folder / "nowhere"}), 1, {"nowhere"});
  for (Row& row : rows) row.object["source"] = "other";
  expect_complaint(evaluate({"--training", data()}), 2,
                   {"--training is for --html, and for datasets of cigli data import nlvr"});
}

}  // namespace
}  // namespace cigli
