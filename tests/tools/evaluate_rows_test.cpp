#include <gtest/gtest.h>

#include <map>
#include <opencv2/imgcodecs.hpp>

#include "runtime/safetensors.h"
#include "tests/small_clip.h"
#include "tests/tools/answered_folders.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using Words = std::vector<std::string>;

TEST(EvaluateRows, WritesALineARow) {
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
  EXPECT_NEAR(value(all, "ssim"), sum / kAnswers, 1e-9);
  EXPECT_EQ(all["psnr"]["n"], kAnswers - 1);
  EXPECT_EQ(keys(all), (Words{"conventions", "psnr", "ssim"}));
}

TEST(EvaluateRows, SwappedInputsAreComparedRowByRow) {
  const Json all = scores_by("ssim,target_similarity", answers().targets,
                             {"--swapped-text", answers().others, "--swapped-image", answers().copies});
  const std::map<std::string, Json> swapped{{"text", whole().others}, {"image", whole().copies}};
  for (const auto& [input, other] : swapped)
    for (const char* metric : {"ssim", "target_similarity_dataset"}) {
      const Json& drop = all["sensitivity"]["generation"][input][metric];
      EXPECT_NEAR(drop["drop"].get<double>(), value(all, metric) - value(other, metric), 1e-9) << metric;
      EXPECT_EQ(drop["n"], kAnswers);
      EXPECT_GT(drop["ci"][0].get<double>(), 0) << metric;
    }
  expect_complaint(evaluate({"--generated", answers().targets, "--data", answers().data, "--metrics", "fid",
                             "--swapped-text", answers().others}),
                   2, {"swapped"});
}

TEST(EvaluateRows, AFolderDoesNotDifferFromItself) {
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

TEST(EvaluateRows, DifferencesAreOfTheSameRows) {
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

TEST(EvaluateRows, AMetricOfNoRowHasANote) {
  const fs::path data = copy_of(answers().data), tiny = scratch("tiny");
  for (const Json& row : answers().rows)
    cv::imwrite((tiny / (row["id"].get<std::string>() + ".png")).string(), cv::Mat(4, 9, CV_8UC3, cv::Scalar::all(90)));
  const Json all = scores_by("psnr,ssim", tiny, {}, 3);
  EXPECT_TRUE(all["ssim"]["value"].is_null());
  EXPECT_TRUE(all["ssim"]["ci"].is_null());
  EXPECT_EQ(all["ssim"]["n"], 0);
  EXPECT_EQ(all["ssim"]["note"], "24 images are too small for it");
  EXPECT_EQ(all["psnr"]["n"], kAnswers);
  for (const Json& row : answers().rows) fs::remove(data / row["prompt_file_name"].get<std::string>());
  expect_complaint(evaluate({"--generated", answers().copies, "--data", data, "--metrics", "psnr"}), 1,
                   {"no row's images can be read", "metadata.jsonl:", "prompt"});
}

TEST(EvaluateRows, ClipJudgesBesideTheScorer) {
  const fs::path folder = scratch("clip"), weights = folder / "clip.safetensors", merges = folder / "merges.txt";
  constexpr std::int64_t byte_tokens = 514;
  write_safetensors(weights, test::small_clip_file(byte_tokens));
  write_text(merges, "#version: 0.2\n");
  const Words clip{"--clip-weights", weights, "--clip-merges", merges};
  const Json all = scores_by("clip_score,r_precision,prompt_similarity", answers().targets, clip);
  EXPECT_EQ(keys(all), (Words{"clip_score", "conventions", "prompt_similarity_clip", "prompt_similarity_dataset",
                              "r_precision_clip", "r_precision_dataset", "sensitivity"}));
  EXPECT_EQ(all["conventions"]["judges"], (Words{"dataset", "clip"}));
  for (const char* metric : {"clip_score", "r_precision_clip"})
    EXPECT_TRUE(all["sensitivity"]["scoring"]["text"].contains(metric)) << metric;
  EXPECT_FALSE(all["sensitivity"]["scoring"]["image"].contains("clip_score"));
  expect_complaint(evaluate({"--generated", answers().targets, "--data", answers().data, "--clip-weights", weights,
                             "--clip-merges", answers().data / "metadata.jsonl"}),
                   1, {"metadata.jsonl:1"});
}

}  // namespace
}  // namespace cigli
