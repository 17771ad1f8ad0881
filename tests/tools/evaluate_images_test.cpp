#include <gtest/gtest.h>

#include <map>
#include <opencv2/imgcodecs.hpp>

#include "runtime/npy.h"
#include "tests/tools/answered_folders.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using Words = std::vector<std::string>;

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
    EXPECT_EQ(metric.at("n"), kAnswers);
    const double centre = metric.at(metric.value("ci_about", "value"));
    EXPECT_LE(metric.at("ci")[0].get<double>(), centre);
    EXPECT_GE(metric.at("ci")[1].get<double>(), centre);
  }
  EXPECT_EQ(all["consistency"]["n"], kAnswers);
  EXPECT_TRUE(all["fd_dataset"]["value"].is_number());
  EXPECT_EQ(all["fd_dataset"]["n"], kAnswers);
  EXPECT_TRUE(all["fd_dataset"]["ci"].is_null());
  EXPECT_NE(all["fd_dataset"]["note"].get<std::string>().find("256 rows"), std::string::npos);
  for (const char* metric : {"fd_dataset", "kd_dataset", "prdc_dataset"}) EXPECT_EQ(all[metric]["paired"], true);
  EXPECT_EQ(all["r_precision_dataset"]["candidates"], kAnswers);  // 100 are asked for
  EXPECT_EQ(all["conventions"]["candidates"], kAnswers);
  // Where all rows agree there is no certainty either.
  for (const char* metric : {"r_precision_dataset", "text_faithfulness_dataset", "prompt_faithfulness_dataset"})
    for (const Json* scores : {&whole().targets, &whole().copies, &all})
      EXPECT_LT((*scores)[metric]["ci"][0].get<double>(), (*scores)[metric]["ci"][1].get<double>()) << metric;
  for (const char* input : {"text", "image"})
    for (const auto& [name, metric] : all["sensitivity"]["scoring"][input].items()) {
      EXPECT_TRUE(metric["drop"].is_number()) << name;
      EXPECT_EQ(metric["n"], kAnswers) << name;
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
  EXPECT_EQ(all["fd_dataset"]["n"], kAnswers);
  EXPECT_EQ(all["ssim"]["n"], kAnswers);
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
  EXPECT_EQ(some["n_real"], kAnswers);
  EXPECT_TRUE(some["ci"].is_null());
  EXPECT_NE(some["note"].get<std::string>().find("20 rows"), std::string::npos);
}

// A folder of all splits may be given: what test rows ask for is none.
TEST(EvaluateImages, TrainingImagesAreThoseOfTrainingRows) {
  const fs::path made = scratch("made"), page = scratch("page") / "page.html";
  Words held_out;
  for (const Json& row : fixture().rows) {
    if (row["split"] != "test") continue;
    const fs::path target = row["target_file_name"].get<std::string>();
    held_out.push_back("training image " + target.filename().string() + " at distance");
    fs::copy_file(fixture().data / target, made / (row["id"].get<std::string>() + ".png"));
  }
  ASSERT_EQ(held_out.size(), 2u);
  const Outcome outcome = evaluate({"--generated", made, "--data", fixture().data, "--split", "test", "--metrics",
                                    "fid", "--training", fixture().data, "--html", page});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  const std::string html = read_text(page);
  EXPECT_TRUE(contains(html, " at distance "));
  for (const std::string& name : held_out) EXPECT_FALSE(contains(html, name)) << name;
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
  EXPECT_EQ(merged.at("n").item<std::int64_t>(), kAnswers);
  EXPECT_EQ(part.at("n").item<std::int64_t>(), kAnswers / 3);
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
