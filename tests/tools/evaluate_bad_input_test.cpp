#include <gtest/gtest.h>

#include <map>
#include <opencv2/imgcodecs.hpp>

#include "runtime/safetensors.h"
#include "tests/tools/answered_folders.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using Words = std::vector<std::string>;

TEST(EvaluateBadInput, MissingImagesAreListed) {
  const fs::path some = copy_of(answers().targets);
  const std::string gone = answers().id(5), lost = answers().id(11);
  for (const std::string& id : {gone, lost}) fs::remove(some / (id + ".png"));
  Words words{"--generated", some, "--data", answers().data, "--metrics", "consistency,fid", "--json"};
  const Outcome outcome = evaluate(words);
  EXPECT_EQ(outcome.code, 3);
  expect_warning(outcome, {"2 images are missing and count as failures", gone, lost});
  const Json all = Json::parse(outcome.out);
  EXPECT_EQ(all["consistency"]["n"], kAnswers);
  EXPECT_EQ(all["consistency"]["missing"], 2);
  EXPECT_EQ(all["fd_dataset"]["n"], kAnswers - 2);

  words.push_back("--present-only");
  const Outcome present = evaluate(words);
  EXPECT_EQ(present.code, 0);
  expect_warning(present, {"2 images are missing and not scored", gone, lost});
  EXPECT_EQ(Json::parse(present.out)["consistency"]["n"], kAnswers - 2);

  const Outcome compared = evaluate({"--generated", answers().copies, "--data", answers().data, "--metrics",
                                     "consistency,ssim", "--compare", some, "--json"});
  EXPECT_EQ(compared.code, 3);
  expect_warning(compared, {"2 images are missing and not compared", gone, lost});
  EXPECT_EQ(compared.err.find("count as failures"), std::string::npos) << compared.err;
  for (const char* metric : {"consistency", "ssim"})
    EXPECT_EQ(Json::parse(compared.out)["difference"][metric]["n"], kAnswers - 2) << metric;
}

TEST(EvaluateBadInput, ImagesThatAnswerNoRowAreListed) {
  const fs::path more = copy_of(answers().targets);
  fs::create_directory(more / "sub");
  for (const std::string& name : Words{"foreign.png", "sub/other.png", "contact.png", answers().id(1) + "-7.png"})
    fs::copy_file(answers().targets / (answers().id(0) + ".png"), more / name);
  const Outcome outcome = evaluate({"--generated", more, "--data", answers().data, "--metrics", "fid", "--json"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  expect_warning(outcome, {"2 images answer no row", "foreign.png", "sub/other.png"});
  EXPECT_EQ(Json::parse(outcome.out)["fd_dataset"], whole().targets["fd_dataset"]);
}

TEST(EvaluateBadInput, DamagedImagesAreNamed) {
  const fs::path some = copy_of(answers().targets);
  const std::string damaged = (some / (answers().id(4) + ".png")).string();
  damage(damaged);
  const std::map<std::string, std::string> asked{{"consistency,fid", "fd_dataset"}, {"ssim", "ssim"}};
  for (const auto& [metrics, name] : asked) {
    SCOPED_TRACE(metrics);
    const Outcome outcome = evaluate({"--generated", some, "--data", answers().data, "--metrics", metrics, "--json"});
    EXPECT_EQ(outcome.code, 3);
    expect_warning(outcome, {"1 images are damaged", damaged});
    EXPECT_EQ(Json::parse(outcome.out)[name]["n"], kAnswers - 1);
  }
  const Outcome real = evaluate(
      {"--generated", answers().copies, "--data", some, "--features", "dataset", "--metrics", "fid", "--json"});
  EXPECT_EQ(real.code, 3);
  expect_warning(real, {"1 real images are damaged", damaged});
  EXPECT_EQ(Json::parse(real.out)["fd_dataset"]["n_real"], kAnswers - 1);
  const Outcome reference =
      cigli({"evaluate", "reference", "--data", some, "--features", "dataset", "--out", some / "r.npz"});
  EXPECT_EQ(reference.code, 3);
  expect_warning(reference, {damaged});
  for (const auto& entry : fs::directory_iterator(some)) damage(entry.path());
  expect_complaint(evaluate({"--generated", some, "--data", answers().data, "--metrics", "fid"}), 1,
                   {some.string(), "no image can be read"});
}

// One row's fault is told, whatever else is scored, and costs no other row.
TEST(EvaluateBadInput, WhatIsNotScoredIsListed) {
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
  EXPECT_EQ(all["consistency"]["n"], kAnswers);
  EXPECT_EQ(all["psnr"]["n"], kAnswers - 1);
  EXPECT_FALSE(all["psnr"].contains("note"));
  EXPECT_EQ(all["ssim"]["n"], kAnswers - 2);
  EXPECT_EQ(all["ssim"]["note"], "1 images are too small for it");
  EXPECT_EQ(all["r_precision_dataset"]["n"], kAnswers - 1);
  EXPECT_EQ(all["r_precision_dataset"]["candidates"], kAnswers - 1);
  for (const char* metric : {"fd_dataset", "prdc_dataset"}) EXPECT_EQ(all[metric]["paired"], false) << metric;
}

TEST(EvaluateBadInput, SaysWhatItCannotUse) {
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

// What would change nothing, or could not be had after all the work.
TEST(EvaluateBadInput, SaysSoBeforeTheWork) {
  const fs::path folder = scratch("early"), copies = answers().copies, data = answers().data,
                 images = answers().targets, reference = folder / "r.npz";
  EXPECT_EQ(cigli({"evaluate", "reference", "--data", data, "--out", reference}).code, 0);
  const auto refuses = [&](const Words& more, const Words& parts) {
    Words words{"--generated", copies};
    words.insert(words.end(), more.begin(), more.end());
    const Outcome outcome = evaluate(words);
    expect_complaint(outcome, 2, parts);
    EXPECT_EQ(outcome.err.find('%'), std::string::npos) << outcome.err;  // no progress
  };
  refuses({"--metrics", "kid"}, {"--metrics kid", "--data or --reference"});
  refuses({"--reference", reference, "--metrics", "fid,kid"}, {"--metrics kid", "r.npz", "--rows"});
  refuses({"--reference", reference, "--data", images}, {"--data", "--reference", "expected one of them"});
  refuses({"--data", images, "--split", "test"}, {"--split test", "no metadata.jsonl"});
  const fs::path rows = folder / "rows.jsonl";
  refuses({"--data", data, "--metrics", "fid,prdc", "--rows", rows}, {"--rows", "rows.jsonl", "a metric of rows"});
  refuses({"--data", images, "--features", "dataset", "--rows", rows}, {"--rows", "--data DIR with metadata.jsonl"});
  EXPECT_FALSE(fs::exists(rows));
  refuses({"--data", data, "--weights", "w.pth"}, {"--weights", "dataset"});
  refuses({"--data", images, "--features", "efficientnet-lite0", "--layer", "64"}, {"--layer", "inception"});
}

TEST(EvaluateBadInput, SaysWhichWeightsItCannotUse) {
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

}  // namespace
}  // namespace cigli
