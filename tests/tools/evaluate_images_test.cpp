#include <gtest/gtest.h>
#include <stdlib.h>

#include <map>
#include <opencv2/imgcodecs.hpp>
#include <sstream>

#include "runtime/npy.h"
#include "runtime/safetensors.h"
#include "tests/tools/command.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using Words = std::vector<std::string>;

constexpr int kCount = 24;  // the jackknife takes 20

// A dataset and who answers it: its own targets, its prompts, other rows' targets.
struct Answers {
  fs::path data, targets, copies, others;
  std::vector<Json> rows;
  std::string id(std::size_t row) const { return rows[row]["id"]; }
};

Answers make_answers() {
  Answers made;
  made.data = scratch("answers") / "data";
  EXPECT_EQ(cigli({"data", "synth", "--out", made.data, "--count", std::to_string(kCount), "--seed", "7", "--split",
                   "test", "--size", "32"})
                .code,
            0);
  made.rows = read_lines(made.data / "metadata.jsonl");
  made.targets = scratch("targets");
  for (const Json& row : made.rows)
    fs::copy_file(made.data / row["target_file_name"].get<std::string>(),
                  made.targets / (row["id"].get<std::string>() + ".png"));
  for (const auto& [kind, folder] : {std::pair{"copy", &made.copies}, {"swapped-target", &made.others}}) {
    *folder = scratch(kind);
    EXPECT_EQ(cigli({"control", "--kind", kind, "--data", made.data, "--out", *folder, "--size", "32"}).code, 0);
  }
  return made;
}

const Answers& answers() {
  static const Answers made = make_answers();
  return made;
}

Outcome evaluate(Words words) {
  words.insert(words.begin(), "evaluate");
  words.insert(words.end(), {"--resamples", "300"});
  return cigli(words);
}

Json scores(Words words, int code = 0) {
  words.push_back("--json");
  const Outcome outcome = evaluate(words);
  EXPECT_EQ(outcome.code, code) << outcome.err;
  return Json::parse(outcome.out, nullptr, false);
}

// Of answers to the whole dataset, by these metrics alone.
Json scores_by(const std::string& metrics, const fs::path& generated, const Words& more = {}, int code = 0) {
  Words words{"--generated", generated, "--data", answers().data, "--metrics", metrics};
  words.insert(words.end(), more.begin(), more.end());
  return scores(words, code);
}

// Of answers to the whole dataset, by all metrics; and of copies where the real images are a folder, not a dataset.
struct Scores {
  Json targets, copies, others, copies_to_images;
};

Scores make_scores() {
  const auto of = [](const fs::path& generated) {
    return scores({"--generated", generated, "--data", answers().data});
  };
  return {of(answers().targets), of(answers().copies), of(answers().others),
          scores({"--generated", answers().copies, "--data", answers().targets, "--features", "dataset"})};
}

const Scores& whole() {
  static const Scores made = make_scores();
  return made;
}

double value(const Json& scores, const char* metric) { return scores[metric]["value"].get<double>(); }

Words keys(const Json& object) {
  Words found;
  for (const auto& [key, member] : object.items()) found.push_back(key);
  return found;
}

fs::path copy_of(const fs::path& folder) {
  const fs::path copy = scratch("changed");
  fs::copy(folder, copy, fs::copy_options::recursive);
  return copy;
}

void damage(const fs::path& image) { write_text(image, read_text(image).substr(0, 80)); }

void expect_warning(const Outcome& outcome, const Words& parts) {
  std::istringstream in(outcome.err);
  for (std::string line; std::getline(in, line);) {
    bool all = line.rfind("cigli: warning: ", 0) == 0;
    for (const std::string& part : parts) all = all && line.find(part) != line.npos;
    if (all) return;
  }
  ADD_FAILURE() << outcome.err << " lacks a warning of " << parts[0];
}

// An environment variable that is back to what it was afterwards.
class Environment {
 public:
  Environment(const char* name, const std::string& value) : name_(name) {
    if (const char* const before = getenv(name)) before_ = before;
    setenv(name, value.c_str(), 1);
  }
  ~Environment() { before_.empty() ? unsetenv(name_) : setenv(name_, before_.c_str(), 1); }

 private:
  const char* name_;
  std::string before_;
};

TEST(EvaluateImages, EveryMetricHasItsValueIntervalAndNumber) {
  const Json& all = whole().others;
  std::map<std::string, Json> metrics;
  for (const char* name :
       {"kd_dataset", "psnr", "ssim", "perceptual_dataset", "r_precision_dataset", "text_faithfulness_dataset",
        "prompt_faithfulness_dataset", "prompt_similarity_dataset", "target_similarity_dataset"})
    metrics[name] = all.at(name);
  for (const char* part : {"precision", "recall", "density", "coverage"})
    metrics[part] = all.at("prdc_dataset").at(part);
  for (const auto& [name, metric] : metrics) {
    SCOPED_TRACE(name);
    ASSERT_TRUE(metric.at("value").is_number()) << all;
    EXPECT_EQ(metric.at("n"), kCount);
    const double centre = metric.at(metric.value("ci_about", "value"));
    EXPECT_LE(metric.at("ci")[0].get<double>(), centre);
    EXPECT_GE(metric.at("ci")[1].get<double>(), centre);
  }
  EXPECT_EQ(all["consistency"]["n"], kCount);
  EXPECT_TRUE(all["fd_dataset"]["value"].is_number());
  EXPECT_EQ(all["fd_dataset"]["n"], kCount);
  EXPECT_TRUE(all["fd_dataset"]["ci"].is_null());
  EXPECT_NE(all["fd_dataset"]["note"].get<std::string>().find("256 rows"), std::string::npos);
  for (const char* metric : {"fd_dataset", "kd_dataset", "prdc_dataset"}) EXPECT_EQ(all[metric]["paired"], true);
  EXPECT_EQ(all["r_precision_dataset"]["candidates"], kCount);  // 100 are asked for
  EXPECT_EQ(all["conventions"]["candidates"], kCount);
  // Where all rows agree there is no certainty either.
  for (const char* metric : {"r_precision_dataset", "text_faithfulness_dataset", "prompt_faithfulness_dataset"})
    for (const Json* scores : {&whole().targets, &whole().copies, &all})
      EXPECT_LT((*scores)[metric]["ci"][0].get<double>(), (*scores)[metric]["ci"][1].get<double>()) << metric;
  for (const char* input : {"text", "image"})
    for (const auto& [name, metric] : all["sensitivity"]["scoring"][input].items()) {
      EXPECT_TRUE(metric["drop"].is_number()) << name;
      EXPECT_EQ(metric["n"], kCount) << name;
      EXPECT_EQ(metric["ci"].size(), 2u) << name;
    }
  EXPECT_TRUE(all["sensitivity"]["scoring"]["text"].contains("r_precision_dataset"));
  EXPECT_TRUE(all["sensitivity"]["scoring"]["image"].contains("prompt_similarity_dataset"));
  EXPECT_EQ(all["conventions"]["features"], "dataset");
  EXPECT_EQ(all["conventions"]["weights"].get<std::string>().size(), 64u);
  EXPECT_EQ(all["conventions"]["dtype"], "float32");
}

TEST(EvaluateImages, TargetsAreTheBestAnswers) {
  const Json& all = whole().targets;
  EXPECT_NEAR(value(all, "fd_dataset"), 0, 1e-9);
  EXPECT_NEAR(value(all, "kd_dataset"), 0, 0.05);
  for (const char* part : {"precision", "recall", "coverage"}) EXPECT_EQ(value(all["prdc_dataset"], part), 1) << part;
  EXPECT_NEAR(value(all, "ssim"), 1, 1e-9);
  EXPECT_EQ(value(all, "perceptual_dataset"), 0);
  EXPECT_NEAR(value(all, "target_similarity_dataset"), 1, 1e-6);
  EXPECT_LT(value(all, "prompt_similarity_dataset"), 1 - 1e-6);
  EXPECT_EQ(all["consistency"]["accuracy"], 1);
  // Of equal images the ratio is infinite.
  EXPECT_TRUE(all["psnr"]["value"].is_null());
  EXPECT_TRUE(all["psnr"]["ci"].is_null());
  EXPECT_EQ(all["psnr"]["n"], 0);
  EXPECT_NE(all["psnr"]["note"].get<std::string>().find("24 images equal"), std::string::npos);
}

TEST(EvaluateImages, CopiesAreLikeTheirPromptsAndNoOthers) {
  const Json& all = whole().copies;
  EXPECT_NEAR(value(all, "prompt_similarity_dataset"), 1, 1e-6);
  EXPECT_LT(value(all, "target_similarity_dataset"), 1 - 1e-6);
  EXPECT_LT(value(all, "ssim"), 0.99);
  EXPECT_GT(value(all, "perceptual_dataset"), 1e-6);
  EXPECT_GT(value(all, "fd_dataset"), 1e-9);
  EXPECT_GT(all["sensitivity"]["scoring"]["image"]["prompt_similarity_dataset"]["drop"].get<double>(), 1e-6);
}

TEST(EvaluateImages, GivesTheMetricsThatAreNamed) {
  const Json distance = scores_by("fid", answers().copies);
  EXPECT_EQ(keys(distance), (Words{"conventions", "fd_dataset"}));
  EXPECT_EQ(distance["fd_dataset"], whole().copies["fd_dataset"]);
  const Json truth = scores_by("consistency", answers().copies);
  EXPECT_EQ(keys(truth), (Words{"consistency"}));
  EXPECT_EQ(truth["consistency"], whole().copies["consistency"]);
}

TEST(EvaluateImages, WritesALineARow) {
  const fs::path some = copy_of(answers().copies), file = some / "rows.jsonl";
  const std::string best = answers().id(3) + ".png";
  fs::copy_file(answers().targets / best, some / best, fs::copy_options::overwrite_existing);
  const Json all = scores_by("psnr,ssim", some, {"--rows", file});
  const std::vector<Json> lines = read_lines(file);
  ASSERT_EQ(lines.size(), answers().rows.size());
  double sum = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    EXPECT_EQ(keys(lines[i]), (Words{"id", "psnr", "ssim"}));
    EXPECT_EQ(lines[i]["id"], answers().id(i));
    EXPECT_EQ(lines[i]["psnr"].is_null(), i == 3) << i;
    sum += lines[i]["ssim"].get<double>();
  }
  EXPECT_NEAR(value(all, "ssim"), sum / kCount, 1e-9);
  EXPECT_EQ(all["psnr"]["n"], kCount - 1);
  EXPECT_EQ(keys(all), (Words{"conventions", "psnr", "ssim"}));
}

TEST(EvaluateImages, AFolderOfImagesWillDoForRealOnes) {
  const Json &of_rows = whole().copies, &of_images = whole().copies_to_images;
  EXPECT_EQ(keys(of_images), (Words{"conventions", "fd_dataset", "kd_dataset", "prdc_dataset"}));
  for (const char* metric : {"fd_dataset", "kd_dataset"})
    EXPECT_NEAR(value(of_images, metric), value(of_rows, metric), 1e-9) << metric;
  // Of a dataset's rows, an image and its own target are no independent draws.
  EXPECT_TRUE(of_rows["kd_dataset"].contains("u_statistic"));
  EXPECT_FALSE(of_images["kd_dataset"].contains("u_statistic") || of_images["kd_dataset"].contains("paired"));
  // Where nothing was fetched, the embedded scorer's features are at hand.
  const Environment nothing_fetched("XDG_DATA_HOME", scratch("nothing"));
  const Outcome by_default =
      evaluate({"--generated", answers().copies, "--data", answers().targets, "--metrics", "fid,kid", "--json"});
  EXPECT_EQ(Json::parse(by_default.out)["kd_dataset"], of_images["kd_dataset"]);
  expect_warning(by_default, {answers().targets.string(), "embedded scorer", "scripts/fetch-weights"});
  EXPECT_EQ(by_default.err.find("fetch-weights"), by_default.err.rfind("fetch-weights"));
}

TEST(EvaluateImages, SwappedInputsAreComparedRowByRow) {
  const Json all = scores_by("ssim,target_similarity", answers().targets,
                             {"--swapped-text", answers().others, "--swapped-image", answers().copies});
  const std::map<std::string, Json> swapped{{"text", whole().others}, {"image", whole().copies}};
  for (const auto& [input, other] : swapped)
    for (const char* metric : {"ssim", "target_similarity_dataset"}) {
      const Json& drop = all["sensitivity"]["generation"][input][metric];
      EXPECT_NEAR(drop["drop"].get<double>(), value(all, metric) - value(other, metric), 1e-9) << metric;
      EXPECT_EQ(drop["n"], kCount);
      EXPECT_GT(drop["ci"][0].get<double>(), 0) << metric;
    }
  expect_complaint(evaluate({"--generated", answers().targets, "--data", answers().data, "--metrics", "fid",
                             "--swapped-text", answers().others}),
                   2, {"swapped"});
}

TEST(EvaluateImages, AFolderDoesNotDifferFromItself) {
  const fs::path file = scratch("scores") / "scores.json";
  const Outcome table = evaluate({"--generated", answers().copies, "--data", answers().data, "--compare",
                                  copy_of(answers().copies), "--out", file});
  EXPECT_EQ(table.code, 0) << table.err;
  for (const char* word :
       {"consistency", "fd_dataset", "precision", "recall", "density", "coverage", "psnr", "r_precision_dataset",
        "95% interval", "another row's text", "another row's image", "not distinguishable"})
    EXPECT_NE(table.out.find(word), std::string::npos) << table.out << " lacks " << word;
  const Json all = Json::parse(read_text(file)), difference = all["difference"];
  for (const char* metric :
       {"kd_dataset", "precision_dataset", "psnr", "ssim", "r_precision_dataset", "target_similarity_dataset"})
    EXPECT_TRUE(difference.contains(metric)) << difference << " lacks " << metric;
  for (const auto& [name, metric] : difference.items()) {
    EXPECT_EQ(metric["value"], 0) << name;
    if (metric["ci"].is_null()) {  // fd_dataset of so few images
      EXPECT_TRUE(metric["distinguishable"].is_null()) << name;
      EXPECT_TRUE(metric.contains("note")) << name;
      continue;
    }
    // That no row of so few differs is no certainty that none would.
    EXPECT_LE(metric["ci"][0], 0) << name;
    EXPECT_GE(metric["ci"][1], 0) << name;
    EXPECT_EQ(metric["distinguishable"], false) << name;
  }
  EXPECT_EQ(all["ssim"], whole().copies["ssim"]);
  EXPECT_EQ(all["compared"]["ssim"], all["ssim"]);
}

TEST(EvaluateImages, DifferencesAreOfTheSameRows) {
  const Json all = scores_by("ssim,psnr,target_similarity", answers().copies, {"--compare", answers().others});
  const Json& difference = all["difference"];
  for (const char* metric : {"ssim", "psnr", "target_similarity_dataset"})
    EXPECT_NEAR(value(difference, metric), value(whole().copies, metric) - value(whole().others, metric), 1e-9)
        << metric;
  // A prompt is nearer to its own target than another row's target is.
  for (const char* metric : {"ssim", "psnr"}) {
    EXPECT_GT(difference[metric]["ci"][0].get<double>(), 0) << metric;
    EXPECT_EQ(difference[metric]["distinguishable"], true) << metric;
  }
  const Json best = scores_by("psnr,target_similarity", answers().copies, {"--compare", answers().targets});
  EXPECT_LT(best["difference"]["target_similarity_dataset"]["ci"][1].get<double>(), 0);
  EXPECT_EQ(best["difference"]["target_similarity_dataset"]["distinguishable"], true);
  EXPECT_TRUE(best["difference"]["psnr"]["value"].is_null());  // no row has a finite one in both
  EXPECT_TRUE(best["difference"]["psnr"].contains("note"));
}

TEST(EvaluateImages, MissingImagesAreListed) {
  const fs::path some = copy_of(answers().targets);
  const std::string gone = answers().id(5), lost = answers().id(11);
  for (const std::string& id : {gone, lost}) fs::remove(some / (id + ".png"));
  Words words{"--generated", some, "--data", answers().data, "--metrics", "consistency,fid", "--json"};
  const Outcome outcome = evaluate(words);
  EXPECT_EQ(outcome.code, 3);
  expect_warning(outcome, {"2 images are missing and count as failures", gone, lost});
  const Json all = Json::parse(outcome.out);
  EXPECT_EQ(all["consistency"]["n"], kCount);
  EXPECT_EQ(all["consistency"]["missing"], 2);
  EXPECT_EQ(all["fd_dataset"]["n"], kCount - 2);

  words.push_back("--present-only");
  const Outcome present = evaluate(words);
  EXPECT_EQ(present.code, 0);
  expect_warning(present, {"2 images are missing and not scored", gone, lost});
  EXPECT_EQ(Json::parse(present.out)["consistency"]["n"], kCount - 2);

  const Json compared = scores_by("ssim", answers().copies, {"--compare", some}, 3);
  EXPECT_EQ(compared["difference"]["ssim"]["n"], kCount - 2);
}

TEST(EvaluateImages, ImagesThatAnswerNoRowAreListed) {
  const fs::path more = copy_of(answers().targets);
  fs::create_directory(more / "sub");
  for (const std::string& name : Words{"foreign.png", "sub/other.png", "contact.png", answers().id(1) + "-7.png"})
    fs::copy_file(answers().targets / (answers().id(0) + ".png"), more / name);
  const Outcome outcome = evaluate({"--generated", more, "--data", answers().data, "--metrics", "fid", "--json"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  expect_warning(outcome, {"2 images answer no row", "foreign.png", "sub/other.png"});
  EXPECT_EQ(Json::parse(outcome.out)["fd_dataset"], whole().targets["fd_dataset"]);
}

TEST(EvaluateImages, DamagedImagesAreNamed) {
  const fs::path some = copy_of(answers().targets);
  const std::string damaged = (some / (answers().id(4) + ".png")).string();
  damage(damaged);
  const std::map<std::string, std::string> asked{{"consistency,fid", "fd_dataset"}, {"ssim", "ssim"}};
  for (const auto& [metrics, name] : asked) {
    SCOPED_TRACE(metrics);
    const Outcome outcome = evaluate({"--generated", some, "--data", answers().data, "--metrics", metrics, "--json"});
    EXPECT_EQ(outcome.code, 3);
    expect_warning(outcome, {"1 images are damaged", damaged});
    EXPECT_EQ(Json::parse(outcome.out)[name]["n"], kCount - 1);
  }
  const Outcome real = evaluate(
      {"--generated", answers().copies, "--data", some, "--features", "dataset", "--metrics", "fid", "--json"});
  EXPECT_EQ(real.code, 3);
  expect_warning(real, {"1 real images are damaged", damaged});
  EXPECT_EQ(Json::parse(real.out)["fd_dataset"]["n_real"], kCount - 1);
  const Outcome reference =
      cigli({"evaluate", "reference", "--data", some, "--features", "dataset", "--out", some / "r.npz"});
  EXPECT_EQ(reference.code, 3);
  expect_warning(reference, {damaged});
  for (const auto& entry : fs::directory_iterator(some)) damage(entry.path());
  expect_complaint(evaluate({"--generated", some, "--data", answers().data, "--metrics", "fid"}), 1,
                   {some.string(), "no image can be read"});
}

// One row's fault is told, whatever else is scored, and costs no other row.
TEST(EvaluateImages, WhatIsNotScoredIsListed) {
  const fs::path data = copy_of(answers().data), some = copy_of(answers().copies);
  std::vector<Json> rows = answers().rows;
  rows[1]["target_file_name"] = rows[0]["target_file_name"];
  std::string lines;
  for (const Json& row : rows) lines += row.dump() + "\n";
  write_text(data / "metadata.jsonl", lines);
  const std::string target = rows[4]["target_file_name"], small = (some / (answers().id(7) + ".png")).string();
  damage(data / target);
  cv::imwrite(small, cv::Mat(5, 5, CV_8UC3, cv::Scalar::all(90)));
  const Outcome outcome = evaluate(
      {"--generated", some, "--data", data, "--metrics", "consistency,fid,prdc,psnr,ssim,r_precision", "--json"});
  EXPECT_EQ(outcome.code, 3);
  expect_warning(outcome, {"metadata.jsonl:5", answers().id(4), target});
  expect_warning(outcome, {small, answers().id(7), "no ssim", "6x6", "got 5x5"});
  expect_warning(outcome, {"paired", "metadata.jsonl:2", "the target of row \"" + answers().id(0) + "\"",
                           "metadata.jsonl:5", "can't be read"});
  const Json all = Json::parse(outcome.out);
  EXPECT_EQ(all["consistency"]["n"], kCount);
  EXPECT_EQ(all["psnr"]["n"], kCount - 1);
  EXPECT_FALSE(all["psnr"].contains("note"));
  EXPECT_EQ(all["ssim"]["n"], kCount - 2);
  EXPECT_EQ(all["ssim"]["note"], "1 images are too small for it");
  EXPECT_EQ(all["r_precision_dataset"]["n"], kCount - 1);
  EXPECT_EQ(all["r_precision_dataset"]["candidates"], kCount - 1);
  for (const char* metric : {"fd_dataset", "prdc_dataset"}) EXPECT_EQ(all[metric]["paired"], false) << metric;
}

TEST(EvaluateImages, AMetricOfNoRowHasANote) {
  const fs::path data = copy_of(answers().data), tiny = scratch("tiny");
  for (const Json& row : answers().rows)
    cv::imwrite((tiny / (row["id"].get<std::string>() + ".png")).string(), cv::Mat(4, 9, CV_8UC3, cv::Scalar::all(90)));
  const Json all = scores_by("psnr,ssim", tiny, {}, 3);
  EXPECT_TRUE(all["ssim"]["value"].is_null());
  EXPECT_TRUE(all["ssim"]["ci"].is_null());
  EXPECT_EQ(all["ssim"]["n"], 0);
  EXPECT_EQ(all["ssim"]["note"], "24 images are too small for it");
  EXPECT_EQ(all["psnr"]["n"], kCount);
  for (const Json& row : answers().rows) fs::remove(data / row["prompt_file_name"].get<std::string>());
  expect_complaint(evaluate({"--generated", answers().copies, "--data", data, "--metrics", "psnr"}), 1,
                   {"no row's images can be read", "metadata.jsonl:", "prompt"});
}

TEST(EvaluateImages, AnswersMayHaveAnyNameThatResultsList) {
  const fs::path some = copy_of(answers().copies);
  fs::rename(some / (answers().id(0) + ".png"), some / "first.png");
  fs::rename(some / (answers().id(1) + ".png"), some / (answers().id(1) + ".Png"));
  write_text(some / "results.jsonl", Json{{"id", answers().id(0)}, {"file", "first.png"}}.dump() + "\n");
  const Outcome outcome =
      evaluate({"--generated", some, "--data", answers().data, "--metrics", "consistency,ssim", "--json"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.err.find("warning"), std::string::npos) << outcome.err;
  const Json all = Json::parse(outcome.out);
  EXPECT_EQ(all["consistency"], whole().copies["consistency"]);
  EXPECT_EQ(all["ssim"], whole().copies["ssim"]);
}

TEST(EvaluateImages, AnswersMayBeJpeg) {
  const fs::path folder = scratch("jpeg");
  for (const auto& entry : fs::directory_iterator(answers().targets))
    cv::imwrite((folder / entry.path().stem()).string() + ".jpg", cv::imread(entry.path().string()),
                {cv::IMWRITE_JPEG_QUALITY, 95});
  const Json all = scores_by("fid,ssim", folder);
  EXPECT_EQ(all["fd_dataset"]["n"], kCount);
  EXPECT_EQ(all["ssim"]["n"], kCount);
  EXPECT_GT(value(all, "ssim"), 0.8);
  EXPECT_LT(value(all, "ssim"), 1 - 1e-6);
}

TEST(EvaluateImages, OfAFolderWithResultsTakesThoseThatTheyList) {
  const fs::path folder = copy_of(answers().copies);
  std::string results;
  for (const std::size_t row : {0, 3, 8})
    results += Json{{"id", answers().id(row)}, {"file", answers().id(row) + ".png"}}.dump() + "\n";
  write_text(folder / "results.jsonl", results);
  const Json some = scores(
      {"--generated", folder, "--data", answers().targets, "--features", "dataset", "--metrics", "fid"})["fd_dataset"];
  EXPECT_EQ(some["n"], 3);
  EXPECT_EQ(some["n_real"], kCount);
  EXPECT_TRUE(some["ci"].is_null());
  EXPECT_NE(some["note"].get<std::string>().find("20 rows"), std::string::npos);
}

TEST(EvaluateImages, OneImageHasNoDistribution) {
  const fs::path one = scratch("one");
  const std::string name = answers().id(2) + ".png";
  fs::copy_file(answers().copies / name, one / name);
  Words words{"--generated", one, "--data", answers().data, "--present-only"};
  const Json all = scores(words);
  for (const char* metric : {"fd_dataset", "kd_dataset", "prdc_dataset"}) {
    EXPECT_TRUE(all[metric]["value"].is_null()) << metric;
    EXPECT_FALSE(all[metric]["note"].get<std::string>().empty()) << metric;
  }
  EXPECT_EQ(all["psnr"]["n"], 1);
  EXPECT_TRUE(all["psnr"]["value"].is_number());
  EXPECT_TRUE(all["psnr"]["ci"].is_null());
  EXPECT_EQ(all["psnr"]["note"], "no interval: it takes 20 rows");
  for (const char* metric : {"r_precision_dataset", "text_faithfulness_dataset", "prompt_faithfulness_dataset"}) {
    EXPECT_TRUE(all[metric]["value"].is_null()) << metric;
    EXPECT_NE(all[metric]["note"].get<std::string>().find("no other row"), std::string::npos) << metric;
  }
  EXPECT_FALSE(all["conventions"].contains("candidates"));
  words.insert(words.end(), {"--metrics", "fid"});
  expect_complaint(evaluate(words), 1, {one.string() + ": 1 image that can be read"});
}

TEST(EvaluateImages, SaysWhatItCannotUse) {
  const fs::path folder = scratch("bad"), copies = answers().copies, data = answers().data;
  expect_complaint(evaluate({"--generated", folder / "none", "--data", data}), 1, {"none"});
  expect_complaint(evaluate({"--generated", folder, "--data", data, "--metrics", "fid"}), 1,
                   {folder.string(), answers().id(0) + ".png"});
  expect_complaint(evaluate({"--generated", copies, "--data", folder / "none"}), 1, {"none: no such folder"});
  expect_complaint(evaluate({"--generated", copies}), 2, {"--data or --reference"});
  const std::map<std::string, Words> parts{{"nlvr1", {"nlvr1", data.string()}},
                                           {"lpips", {"--metrics lpips", "--lpips-weights"}},
                                           {"is", {"--metrics is", "logits"}}};
  for (const auto& [metric, expected] : parts)
    expect_complaint(evaluate({"--generated", copies, "--data", data, "--metrics", metric}), 2, expected);
  expect_complaint(
      evaluate({"--generated", copies, "--data", answers().targets, "--features", "dataset", "--metrics", "psnr"}), 2,
      {"--metrics psnr"});
}

TEST(EvaluateImages, SaysWhichWeightsItCannotUse) {
  const fs::path folder = scratch("weights"), file = folder / "w.safetensors";
  write_safetensors(file, {{{"stem", torch::zeros({3})}}, {}});
  const auto with = [&](const Words& more) {
    Words words{"--generated", answers().copies, "--data", answers().data};
    words.insert(words.end(), more.begin(), more.end());
    return evaluate(words);
  };
  expect_complaint(with({"--features", "inception"}), 2, {"--features inception", "--weights"});
  expect_complaint(with({"--features", "inception", "--weights", file}), 1,
                   {"w.safetensors", "Conv2d_1a_3x3", "missing"});
  expect_complaint(with({"--scorer", file}), 1, {"w.safetensors"});
  expect_complaint(with({"--lpips-weights", file}), 1, {"w.safetensors", "LPIPS"});
  expect_complaint(with({"--clip-weights", file}), 2, {"--clip-weights", "--clip-merges"});
  const Environment nothing_fetched("XDG_DATA_HOME", folder);
  expect_complaint(with({"--features", "efficientnet-lite0"}), 1,
                   {(folder / "cigli" / "efficientnet-lite0.pth").string(), "fetch-weights"});
}

class EvaluateReference : public testing::Test {
 protected:
  void make(const fs::path& out, const Words& more) const {
    Words words{"evaluate", "reference", "--out", out};
    words.insert(words.end(), more.begin(), more.end());
    const Outcome outcome = cigli(words);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_NE(outcome.out.find(out.string()), std::string::npos) << outcome.out;
  }
  static Json against(const fs::path& reference) {
    return scores({"--generated", answers().copies, "--reference", reference, "--features", "dataset"});
  }
  const fs::path folder = scratch("reference"), file = folder / "real.npz";
};

TEST_F(EvaluateReference, StatisticsGiveTheDistanceThatTheirImagesGive) {
  make(file, {"--data", answers().data});
  const Json statistics = against(file), distance = statistics["fd_dataset"];
  EXPECT_EQ(keys(statistics), (Words{"conventions", "fd_dataset"}));
  EXPECT_NEAR(value(statistics, "fd_dataset"), value(whole().copies_to_images, "fd_dataset"), 1e-9);
  EXPECT_TRUE(distance["ci"].is_null());
  EXPECT_FALSE(distance["note"].get<std::string>().empty());
  // Rows are those of the dataset, real images those of the reference.
  const Json both = scores_by("fid,ssim", answers().copies, {"--reference", file});
  EXPECT_EQ(both["fd_dataset"], distance);
  EXPECT_EQ(both["ssim"], whole().copies["ssim"]);
  // As pytorch-fid writes them.
  const auto arrays = read_npz(file);
  write_npz(folder / "fid.npz", {{"mu", arrays.at("mu")}, {"sigma", arrays.at("sigma")}});
  EXPECT_EQ(against(folder / "fid.npz")["fd_dataset"], distance);
  expect_complaint(
      evaluate({"--generated", answers().copies, "--reference", file, "--features", "dataset", "--metrics", "kid"}), 2,
      {"--metrics kid"});
}

TEST_F(EvaluateReference, KeptRowsGiveAllThatTheirImagesGive) {
  make(file, {"--data", answers().targets, "--features", "dataset", "--rows"});
  EXPECT_EQ(against(file), whole().copies_to_images);
}

TEST_F(EvaluateReference, PartsMergedAreTheWhole) {
  const fs::path data = copy_of(answers().data);
  std::string lines;
  for (std::size_t i = 0; i < answers().rows.size(); ++i) {
    Json row = answers().rows[i];
    row["split"] = i % 3 == 0 ? "val" : "test";
    lines += row.dump() + "\n";
  }
  write_text(data / "metadata.jsonl", lines);
  const std::string val = folder / "val.npz", test = folder / "test.npz", both = folder / "both.npz";
  make(file, {"--data", data});
  make(val, {"--data", data, "--split", "val"});
  make(test, {"--data", data, "--split", "test"});
  make(both, {"--merge", val + "," + test});
  const auto expected = read_npz(file), merged = read_npz(both), part = read_npz(val);
  EXPECT_EQ(merged.at("n").item<std::int64_t>(), kCount);
  EXPECT_EQ(part.at("n").item<std::int64_t>(), kCount / 3);
  for (const char* array : {"mu", "sigma"}) {
    EXPECT_TRUE(merged.at(array).allclose(expected.at(array), 1e-9, 1e-9)) << array;
    EXPECT_FALSE(part.at(array).allclose(expected.at(array), 1e-9, 1e-9)) << array;
  }
  EXPECT_NEAR(value(against(both), "fd_dataset"), value(whole().copies, "fd_dataset"), 1e-9);
}

TEST_F(EvaluateReference, SaysWhatItCannotUse) {
  make(file, {"--data", answers().data});
  const auto use = [&](const fs::path& reference) {
    return evaluate(
        {"--generated", answers().copies, "--reference", reference, "--features", "dataset", "--metrics", "fid"});
  };
  const fs::path other = folder / "other.npz", out = folder / "out.npz";
  auto arrays = read_npz(file);
  const std::string identity = R"({"features": "inception", "weights": "0"})";
  arrays["features"] = torch::zeros({static_cast<std::int64_t>(identity.size())}, torch::kUInt8);
  std::copy(identity.begin(), identity.end(), arrays["features"].data_ptr<std::uint8_t>());
  write_npz(other, arrays);
  expect_complaint(use(other), 1, {"other.npz", "inception", "dataset", "can't be compared"});
  expect_complaint(cigli({"evaluate", "reference", "--merge", file.string() + "," + other.string(), "--out", out}), 1,
                   {"real.npz", "other.npz", "inception", "dataset"});
  write_npz(other, {{"mu", torch::zeros({5})}, {"sigma", torch::eye(5)}});
  expect_complaint(use(other), 1, {"5", "other.npz", "dimensions"});

  expect_complaint(cigli({"evaluate", "reference", "--out", out}), 2, {"--data", "--merge"});
  expect_complaint(cigli({"evaluate", "reference", "--out", out, "--data", folder, "--features", "dataset"}), 1,
                   {folder.string(), "no image"});
  fs::copy_file(answers().targets / (answers().id(0) + ".png"), folder / "one.png");
  expect_complaint(cigli({"evaluate", "reference", "--out", out, "--data", folder, "--features", "dataset"}), 1,
                   {folder.string(), "fewer than two"});
  EXPECT_FALSE(fs::exists(out));
}

}  // namespace
}  // namespace cigli
