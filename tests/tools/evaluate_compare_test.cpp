#include <gtest/gtest.h>
#include <torch/torch.h>

#include "runtime/npy.h"
#include "tests/tools/answered_folders.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using Words = std::vector<std::string>;

// Statistics of the targets.
const fs::path& statistics() {
  static const fs::path made = [] {
    const fs::path file = scratch("statistics") / "real.npz";
    EXPECT_EQ(cigli({"evaluate", "reference", "--data", answers().data, "--out", file}).code, 0);
    return file;
  }();
  return made;
}

Outcome compare(const fs::path& a, const fs::path& b, const Words& more) {
  Words words{"evaluate", "--generated", a, "--compare", b, "--resamples", "300", "--features", "dataset"};
  words.insert(words.end(), more.begin(), more.end());
  return cigli(words);
}

// With the scores of either folder: "difference", "compared", and the first one's beside them.
Json compared(const fs::path& a, const fs::path& b, Words more, int code = 0) {
  more.push_back("--json");
  const Outcome outcome = compare(a, b, more);
  EXPECT_EQ(outcome.code, code) << outcome.err;
  return Json::parse(outcome.out, nullptr, false);
}

// The first of a folder's images alone.
fs::path some_of(const fs::path& folder, std::size_t count) {
  const fs::path some = scratch("some");
  for (std::size_t i = 0; i < count; ++i) {
    const std::string name = answers().id(i) + ".png";
    fs::copy_file(folder / name, some / name);
  }
  return some;
}

void expect_no_interval(const Json& difference, const std::string& why) {
  EXPECT_TRUE(difference["value"].is_number()) << difference;
  EXPECT_TRUE(difference["ci"].is_null()) << difference;
  EXPECT_TRUE(difference["distinguishable"].is_null()) << difference;
  EXPECT_NE(difference.value("note", "").find(why), std::string::npos) << difference << " lacks " << why;
}

TEST(EvaluateCompare, WithoutAnIntervalThereIsTheDifferenceAndWhy) {
  const Words by_statistics{"--reference", statistics()};
  const Json all = compared(answers().copies, answers().others, by_statistics);
  const Json& distance = all["difference"]["fd_dataset"];
  expect_no_interval(distance, "statistics don't tell");
  EXPECT_EQ(distance["value"],
            all["fd_dataset"]["value"].get<double>() - all["compared"]["fd_dataset"]["value"].get<double>());
  EXPECT_EQ(distance["n"], kAnswers);
  EXPECT_FALSE(distance.contains("warning"));  // as many images: what so few add is nearly the same of both
  const Outcome table = compare(answers().copies, answers().others, by_statistics);
  EXPECT_NE(table.out.substr(table.out.find("\ndifference")).find("statistics don't tell"), std::string::npos)
      << table.out;
}

TEST(EvaluateCompare, EveryMetricThatBothHaveIsThere) {
  const Words asked{"--data", answers().data, "--metrics", "fid,fid_infinity,kid,cmmd,prdc,psnr"};
  const Json all = compared(answers().copies, answers().others, asked)["difference"];
  Words plain = asked;
  plain.push_back("--no-intervals");
  const Json bare = compared(answers().copies, answers().others, plain)["difference"];
  for (const char* name : {"fd_dataset", "fd_infinity_dataset", "kd_dataset", "mmd_dataset", "precision_dataset",
                           "recall_dataset", "density_dataset", "coverage_dataset"}) {
    SCOPED_TRACE(name);
    ASSERT_TRUE(all.contains(name) && bare.contains(name)) << all << bare;
    EXPECT_EQ(all[name]["n"], kAnswers);
    expect_no_interval(bare[name], "none was asked for");
  }
  expect_no_interval(all["fd_dataset"], "256 rows");
  expect_no_interval(all["fd_infinity_dataset"], "no interval");
  EXPECT_EQ(all["kd_dataset"]["ci"].size(), 2u);
  EXPECT_EQ(all["psnr"]["n"], kAnswers);
  // No row has a finite one in both.
  const Json equal = compared(answers().targets, answers().targets, {"--data", answers().data, "--metrics", "psnr"});
  EXPECT_TRUE(equal["difference"]["psnr"]["value"].is_null());
  EXPECT_EQ(equal["difference"]["psnr"]["n"], 0);
  EXPECT_FALSE(equal["difference"]["psnr"]["note"].get<std::string>().empty());
}

TEST(EvaluateCompare, OneFolderMayBePairedAndTheOtherNot) {
  // The target that two rows share keeps both folders' images from being paired, unless one of them can't be read.
  const fs::path data = scratch("shared") / "data", some = scratch("some");
  fs::copy(answers().data, data, fs::copy_options::recursive);
  fs::copy(answers().copies, some, fs::copy_options::recursive);
  std::vector<Json> rows = answers().rows;
  rows[1]["target_file_name"] = rows[0]["target_file_name"];
  std::string lines;
  for (const Json& row : rows) lines += row.dump() + "\n";
  write_text(data / "metadata.jsonl", lines);
  write_text(some / (rows[1]["id"].get<std::string>() + ".png"), "no image");
  const Json all = compared(answers().copies, some, {"--data", data, "--metrics", "kid,prdc"}, 3);
  EXPECT_EQ(all["kd_dataset"]["paired"], false);
  EXPECT_EQ(all["compared"]["kd_dataset"]["paired"], true);
  for (const char* name : {"kd_dataset", "precision_dataset"}) {
    expect_no_interval(all["difference"][name], "are paired with their targets");
    EXPECT_EQ(all["difference"][name]["n"], (Json{kAnswers, kAnswers - 1})) << name;
  }
}

TEST(EvaluateCompare, AnswersToTheSameRowsAreTheSameWhateverTheirNames) {
  const fs::path numbered = scratch("numbered");
  for (std::size_t i = 0; i < answers().rows.size(); ++i)
    fs::copy_file(answers().others / (answers().id(i) + ".png"), numbered / (answers().id(i) + "-0.png"));
  const Words asked{"--data", answers().data, "--metrics", "kid,prdc"};
  const Json by_id = compared(answers().copies, answers().others, asked)["difference"];
  EXPECT_TRUE(by_id["kd_dataset"]["ci"].is_array()) << by_id;
  EXPECT_EQ(compared(answers().copies, numbered, asked)["difference"], by_id);
}

TEST(EvaluateCompare, TheValueIsThatOfTheValuesAndTheIntervalSaysWhatItIsAbout) {
  const Words asked{"--data", answers().data, "--metrics", "kid,cmmd"};
  const Json all = compared(answers().copies, answers().others, asked);
  for (const char* name : {"kd_dataset", "mmd_dataset"}) {
    SCOPED_TRACE(name);
    const Json &a = all[name], &b = all["compared"][name], &difference = all["difference"][name];
    EXPECT_EQ(difference["value"], a["value"].get<double>() - b["value"].get<double>());
    ASSERT_EQ(difference["ci_about"], "u_statistic");
    const double centre = difference["u_statistic"];
    EXPECT_EQ(centre, a["u_statistic"].get<double>() - b["u_statistic"].get<double>());
    EXPECT_NEAR(difference["ci"][0].get<double>() + difference["ci"][1].get<double>(), 2 * centre, 1e-9);
  }
  const Outcome table = compare(answers().copies, answers().others, asked);
  const std::string differences = table.out.substr(table.out.find("\ndifference"));
  for (const char* word : {"u_statistic", "the interval's centre", "24"})
    EXPECT_NE(differences.find(word), std::string::npos) << differences << " lacks " << word;
  // A convention's subsets move the value; the interval goes with it.
  const Json drawn = compared(answers().copies, answers().others,
                              {"--data", answers().targets, "--metrics", "kid", "--convention", "clean-fid",
                               "--subset-size", "12"})["difference"]["kd_dataset"];
  EXPECT_FALSE(drawn.contains("ci_about"));
  EXPECT_NEAR(drawn["ci"][0].get<double>() + drawn["ci"][1].get<double>(), 2 * drawn["value"].get<double>(), 1e-9);
}

TEST(EvaluateCompare, WarnsWhereTheNumberOfImagesMayMakeTheDifference) {
  const Words asked{"--data", answers().targets, "--metrics", "fid,cmmd,kid,prdc", "--json"};
  const Outcome fewer = compare(answers().copies, some_of(answers().copies, kAnswers / 2), asked);
  EXPECT_EQ(fewer.code, 0) << fewer.err;
  const Json difference = Json::parse(fewer.out)["difference"], &biased = difference["mmd_dataset"];
  EXPECT_GT(std::abs(biased["bias"].get<double>()), std::abs(biased["value"].get<double>()));
  EXPECT_NE(biased["warning"].get<std::string>().find("bias"), std::string::npos);
  for (const char* name :
       {"fd_dataset", "precision_dataset", "recall_dataset", "density_dataset", "coverage_dataset"}) {
    EXPECT_NE(difference[name].value("warning", "").find("24 and 12 don't compare"), std::string::npos) << name;
    EXPECT_NE(fewer.err.find("cigli: warning: " + std::string(name) + ": "), std::string::npos) << fewer.err;
    expect_no_interval(difference[name], "rows of either set");  // what is said of the interval stays
  }
  EXPECT_FALSE(difference["kd_dataset"].contains("warning"));  // unbiased
  const Outcome as_many = compare(answers().copies, answers().others, asked);
  EXPECT_EQ(as_many.err.find("don't compare"), std::string::npos) << as_many.err;
}

TEST(EvaluateCompare, ConsistencyIsOfRowsThatBothAnswer) {
  const fs::path some = some_of(answers().targets, kAnswers - 4);
  for (const auto& [a, b] : {std::pair{answers().targets, some}, {some, answers().targets}}) {
    const Json difference = compared(a, b, {"--data", answers().data, "--metrics", "consistency"}, 3)["difference"];
    EXPECT_EQ(difference["consistency"]["value"], 0);
    EXPECT_EQ(difference["consistency"]["n"], kAnswers - 4);
  }
}

TEST(EvaluateCompare, PairsOfOnePromptAreOneCluster) {
  const fs::path data = scratch("siblings") / "data", copies = scratch("copies"), file = scratch("rows") / "rows.jsonl";
  ASSERT_EQ(cigli({"data", "synth", "--out", data, "--count", "24", "--seed", "3", "--split", "test", "--size", "32",
                   "--per-prompt", "4"})
                .code,
            0);
  ASSERT_EQ(cigli({"control", "--kind", "copy", "--data", data, "--out", copies, "--size", "32"}).code, 0);
  const Json all = compared(copies, copies, {"--data", data, "--metrics", "consistency,ssim", "--rows", file});
  EXPECT_EQ(all["consistency"]["n"], 24);
  EXPECT_EQ(all["consistency"]["clusters"], 6);
  EXPECT_EQ(all["difference"]["consistency"]["clusters"], 6);
  EXPECT_EQ(all["ssim"]["note"], "no interval: it takes 20 clusters of rows");
  const Outcome again = cigli({"compare", "--rows", file, "--resamples", "300", "--json"});
  ASSERT_EQ(again.code, 0) << again.err;
  const Json from_rows = Json::parse(again.out);
  for (const char* key : {"n", "clusters", "ci"}) EXPECT_EQ(from_rows[key], all["consistency"][key]) << key;
}

// A reference file with this array in place of what `evaluate reference` wrote.
Outcome with_array(const char* name, const torch::Tensor& array) {
  auto arrays = read_npz(statistics());
  arrays[name] = array;
  const fs::path file = scratch("changed") / "bad.npz";
  write_npz(file, arrays);
  return cigli({"evaluate", "--generated", answers().copies, "--reference", file});
}

torch::Tensor bytes_of(const std::string& text) {
  return torch::tensor(std::vector<std::int64_t>(text.begin(), text.end())).to(torch::kUInt8);
}

TEST(EvaluateReferenceFile, WhatIsWrongIsOneLineThatNamesIt) {
  const auto with_features = [](const char* json) { return with_array("features", bytes_of(json)); };
  expect_complaint(with_features(R"({"features":5})"), 1, {"bad.npz", "'features'", "5", "inception"});
  expect_complaint(with_features(R"({"features":["dataset"]})"), 1, {"bad.npz", "of type array"});
  expect_complaint(with_features(R"({"features":"foo"})"), 1, {"bad.npz", "\"foo\"", "efficientnet-lite0"});
  expect_complaint(with_features(R"({"features":"inception","layer":"x"})"), 1, {"bad.npz", "layer", "whole number"});
  expect_complaint(with_array("n", torch::tensor(NAN)), 1, {"bad.npz", "array 'n' is nan"});
  expect_complaint(with_array("n", torch::tensor({3, 4})), 1, {"bad.npz", "array 'n' has 2 numbers"});
  expect_complaint(with_array("rows", torch::zeros({3, 2})), 1, {"bad.npz", "array 'rows'"});
  const fs::path none = scratch("none") / "none.npz";
  write_npz(none, {{"mu", torch::zeros({0})}, {"sigma", torch::zeros({0, 0})}});
  expect_complaint(cigli({"evaluate", "--generated", answers().copies, "--reference", none}), 1,
                   {"none.npz", "expected [D] and [D, D]"});
  const std::string twice = statistics().string() + "," + statistics().string();
  expect_complaint(cigli({"evaluate", "reference", "--merge", twice, "--out", none}), 1,
                   {statistics().string(), "stands twice"});
}

// Before the work, not after it.
TEST(EvaluateOutput, IsCheckedFirst) {
  const fs::path folder = scratch("outputs"), none = folder / "no" / "such";
  const auto expect_early = [](const Outcome& outcome, const Words& parts) {
    expect_complaint(outcome, 1, parts);
    EXPECT_EQ(outcome.err.find('%'), std::string::npos) << outcome.err;  // no progress
  };
  const Words reference{"evaluate", "reference", "--data", answers().targets, "--features", "dataset", "--out"};
  const Words scorer{"evaluate", "scorer", "--data", fixture().pack, "--steps", "100000", "--out"};
  for (Words words : {reference, scorer}) {
    words.push_back(none / "out");
    expect_early(cigli(words), {"cannot write " + (none / "out").string(), none.string() + " does not exist"});
    words.back() = folder;
    expect_early(cigli(words), {"cannot write " + folder.string(), "is a folder"});
  }
  EXPECT_TRUE(fs::is_empty(folder));
}

}  // namespace
}  // namespace cigli
