#include "eval/conditional/row_metrics.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <numeric>

#include "dataset/tensor_image.h"
#include "eval/metrics/similarity.h"
#include "tests/eval/planted_squares.h"
#include "tests/small_scorer.h"
#include "tests/temporary_folder.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using torch::Tensor;

constexpr double kNotFinite = std::numeric_limits<double>::quiet_NaN();

DatasetJudge random_judge(const std::string& inputs = "both", double shift = 0) {
  return DatasetJudge(DatasetScorer(test::small_scorer(inputs, shift), Tokenizer(), {16, 16}, {16, 16}));
}

class RowMetric : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(data);
    for (std::size_t i = 0; i < squares.rows.size(); ++i) {
      Row& row = squares.rows[i];
      row.prompt_file_name = "p" + row.id.substr(0, row.id.find('-')) + ".png";  // four rows share it
      row.target_file_name = "t" + row.id + ".png";
      write_png_unsynced(data / row.prompt_file_name, squares.prompts[i]);
      write_png_unsynced(data / row.target_file_name, squares.targets[i]);
    }
    write_metadata(data, squares.rows);
  }
  // Answers all rows with these images.
  AnsweredRows answered_by(const std::vector<Image>& images) {
    const fs::path answers = folder / ("answers" + std::to_string(count++));
    fs::create_directories(answers);
    for (std::size_t i = 0; i < images.size(); ++i)
      write_png_unsynced(answers / (squares.rows[i].id + ".png"), images[i]);
    return answered_rows(answers, data, "");
  }
  RowMetricsOptions judged_by(const DatasetJudge& judge, std::int64_t candidates = 256) const {
    RowMetricsOptions options;
    options.dataset = &judge;
    options.candidates = candidates;
    return options;
  }
  // Each row gets the target of the next.
  std::vector<Image> shifted_targets() const {
    std::vector<Image> images(squares.targets.begin() + 1, squares.targets.end());
    images.push_back(squares.targets[0]);
    return images;
  }
  const TemporaryFolder folder;
  const fs::path data = folder / "data";
  PlantedSquares squares = planted_squares(6, 1);
  int count = 0;
};

// Conditions of all rows, own and others', which the judge's images are held against.
Tensor scores_of(const DatasetJudge& judge, const std::vector<Image>& images, const PlantedSquares& squares) {
  std::vector<std::string> texts;
  for (const Row& row : squares.rows) texts.push_back(row.text);
  return judge.look(images).embedding.matmul(judge.conditions(texts, squares.prompts).t());
}

TEST_F(RowMetric, ComparesEachImageWithItsOwnTarget) {
  const std::vector<Image> images = shifted_targets();
  const DatasetJudge judge = random_judge();
  const RowMetrics found = row_metrics(answered_by(images), data, judged_by(judge));
  ASSERT_EQ(found.ids.size(), 24u);
  const Judge::View own = judge.look(images), of_targets = judge.look(squares.targets);
  const Tensor distances = perceptual_distance(own, of_targets), likeness = (own.features * of_targets.features).sum(1),
               to_prompts = (own.features * judge.look(squares.prompts).features).sum(1);
  for (std::size_t i = 0; i < images.size(); ++i) {
    SCOPED_TRACE(i);
    EXPECT_EQ(found.ids[i], squares.rows[i].id);
    double squared = 0;
    for (std::size_t p = 0; p < images[i].pixels.size(); ++p)
      squared += std::pow((images[i].pixels[p] - squares.targets[i].pixels[p]) / 255.0, 2);
    const double decibels = 10 * std::log10(static_cast<double>(images[i].pixels.size()) / squared);
    const double found_decibels = found.values.at("psnr")[i];
    if (squared == 0) {
      EXPECT_EQ(found_decibels, decibels);  // infinite
    } else {
      EXPECT_NEAR(found_decibels, decibels, 1e-12);
    }
    const auto in_unit = [](const Image& image) { return (to_tensor(image).to(torch::kFloat64) + 1) / 2; };
    EXPECT_NEAR(found.values.at("ssim")[i],
                ssim(in_unit(images[i]).unsqueeze(0), in_unit(squares.targets[i]).unsqueeze(0)).item<double>(), 1e-6);
    const auto row = static_cast<std::int64_t>(i);
    EXPECT_NEAR(found.values.at("perceptual_dataset")[i], distances[row].item<double>(), 1e-5);
    EXPECT_NEAR(found.values.at("target_similarity_dataset")[i], likeness[row].item<double>(), 1e-5);
    EXPECT_NEAR(found.values.at("prompt_similarity_dataset")[i], to_prompts[row].item<double>(), 1e-5);
  }
  EXPECT_EQ(found.values.count("lpips") + found.values.count("clip_score"), 0u);
}

TEST_F(RowMetric, EqualImagesAreAsNearAsCanBe) {
  const DatasetJudge judge = random_judge();
  const RowMetrics targets = row_metrics(answered_by(squares.targets), data, judged_by(judge));
  const RowMetrics prompts = row_metrics(answered_by(squares.prompts), data, judged_by(judge));
  for (std::size_t i = 0; i < squares.rows.size(); ++i) {
    EXPECT_TRUE(std::isinf(targets.values.at("psnr")[i]));
    EXPECT_NEAR(targets.values.at("ssim")[i], 1, 1e-9);
    EXPECT_EQ(targets.values.at("perceptual_dataset")[i], 0);
    EXPECT_NEAR(targets.values.at("target_similarity_dataset")[i], 1, 1e-6);
    EXPECT_NEAR(prompts.values.at("prompt_similarity_dataset")[i], 1, 1e-6);
    if (squares.planted[i] != "prompt") {
      EXPECT_GT(prompts.values.at("perceptual_dataset")[i], 1e-4);
      EXPECT_LT(prompts.values.at("target_similarity_dataset")[i], 1 - 1e-4);
    }
  }
}

// No two rows share sentence and prompt, so that each is told from all others where so many candidates are asked for.
TEST_F(RowMetric, RPrecisionIsWhetherTheOwnConditionFitsBestOfAll) {
  const DatasetJudge judge = random_judge();
  const std::vector<Image> images = shifted_targets();
  const RowMetrics found = row_metrics(answered_by(images), data, judged_by(judge));
  const Tensor best = scores_of(judge, images, squares).argmax(1);
  int hits = 0;
  for (std::int64_t i = 0; i < 24; ++i) {
    const bool hit = best[i].item<std::int64_t>() == i;
    hits += hit;
    EXPECT_EQ(found.values.at("r_precision_dataset")[static_cast<std::size_t>(i)], hit ? 1 : 0) << i;
  }
  EXPECT_GT(hits, 0);
  EXPECT_LT(hits, 24);
  // Of two candidates the own one is better more often.
  const RowMetrics of_two = row_metrics(answered_by(images), data, judged_by(judge, 2));
  const std::vector<double>& values = of_two.values.at("r_precision_dataset");
  EXPECT_GT(std::accumulate(values.begin(), values.end(), 0.0), hits);
}

TEST_F(RowMetric, WhatAScorerDoesNotSeeMakesNoDifference) {
  for (const std::string inputs : {"image-only", "text-only"}) {
    SCOPED_TRACE(inputs);
    const DatasetJudge judge = random_judge(inputs);
    const RowMetrics found = row_metrics(answered_by(squares.targets), data, judged_by(judge));
    const bool sees_text = inputs == "text-only";
    const std::vector<double>& own = found.values.at("r_precision_dataset");
    EXPECT_EQ(found.other_text.at("r_precision_dataset") == own, !sees_text);
    EXPECT_EQ(found.other_prompt.at("r_precision_dataset") == own, sees_text);
    const std::string blind = sees_text ? "prompt_faithfulness_dataset" : "text_faithfulness_dataset";
    const std::string sees = sees_text ? "text_faithfulness_dataset" : "prompt_faithfulness_dataset";
    for (const double value : found.values.at(blind)) EXPECT_EQ(value, 0.5);  // a tie
    for (const double value : found.values.at(sees)) EXPECT_TRUE(value == 0 || value == 1) << value;
    const double best = sees_text ? 1 : 1.0 / 4;  // four rows share a prompt
    for (const double value : own) EXPECT_LE(value, best);
  }
}

// An image that equals its prompt is less like any other prompt.
TEST_F(RowMetric, AnotherRowsPromptIsAnother) {
  const DatasetJudge judge = random_judge();
  const RowMetrics found = row_metrics(answered_by(squares.prompts), data, judged_by(judge));
  for (const double value : found.other_prompt.at("prompt_similarity_dataset")) EXPECT_LT(value, 1 - 1e-6);
  EXPECT_EQ(found.other_text.count("prompt_similarity_dataset"), 0u);
}

TEST_F(RowMetric, DependsOnTheSeedAlone) {
  const DatasetJudge judge = random_judge();
  const AnsweredRows answered = answered_by(squares.targets);
  RowMetricsOptions options = judged_by(judge, 4);
  const RowMetrics once = row_metrics(answered, data, options);
  options.workers = 3;
  const RowMetrics again = row_metrics(answered, data, options);
  EXPECT_EQ(again.values, once.values);
  EXPECT_EQ(again.other_text, once.other_text);
  EXPECT_EQ(again.other_prompt, once.other_prompt);
  options.seed = 1;
  const RowMetrics other = row_metrics(answered, data, options);
  EXPECT_NE(other.other_prompt, once.other_prompt);
  EXPECT_EQ(other.values.at("ssim"), once.values.at("ssim"));
  EXPECT_EQ(other.ids, once.ids);
}

TEST_F(RowMetric, PassesOverRowsOfDamagedImages) {
  const DatasetJudge judge = random_judge();
  const AnsweredRows answered = answered_by(squares.targets);
  std::ofstream(answered.images[3]) << "no image";
  std::ofstream(data / squares.rows[9].target_file_name) << "no image";
  fs::remove(data / squares.rows[20].prompt_file_name);  // of four rows
  std::int64_t done = 0;
  RowMetricsOptions options = judged_by(judge);
  options.on_progress = [&](std::int64_t so_far, std::int64_t all) {
    EXPECT_EQ(all, 24);
    done = so_far;
  };
  const RowMetrics found = row_metrics(answered, data, options);
  EXPECT_EQ(done, 24);
  ASSERT_EQ(found.ids.size(), 18u);
  for (const RowValues* values : {&found.values, &found.other_text, &found.other_prompt})
    for (const auto& [name, of_rows] : *values) EXPECT_EQ(of_rows.size(), 18u) << name;
  for (const std::size_t gone : {3, 9, 20, 21, 22, 23})
    EXPECT_EQ(std::count(found.ids.begin(), found.ids.end(), squares.rows[gone].id), 0) << gone;
  ASSERT_EQ(found.damaged.size(), 1u);
  EXPECT_EQ(found.damaged[0].rfind(answered.images[3].string() + ": ", 0), 0u) << found.damaged[0];
  ASSERT_EQ(found.unscored.size(), 5u);
  const auto names = [&](const fs::path& file) {
    return std::count_if(found.unscored.begin(), found.unscored.end(),
                         [&](const std::string& line) { return line.find(file.string()) != std::string::npos; });
  };
  EXPECT_EQ(names(data / squares.rows[9].target_file_name), 1);
  EXPECT_EQ(names(data / squares.rows[20].prompt_file_name), 4);
  EXPECT_EQ(names(data / ("metadata.jsonl:10: row \"" + squares.rows[9].id + "\": ")), 1);
}

// No metric of one row hides another one, and none hides another row's.
TEST_F(RowMetric, AnImageTooSmallForAMetricHasTheOthers) {
  const DatasetJudge judge = random_judge();
  std::vector<Image> images = squares.targets;
  images[2] = resize(images[2], 5, 16);
  const AnsweredRows answered = answered_by(images);
  const RowMetrics found = row_metrics(answered, data, judged_by(judge));
  ASSERT_EQ(found.ids.size(), 24u);
  for (const auto& [name, values] : found.values)
    for (std::size_t i = 0; i < values.size(); ++i)
      EXPECT_EQ(std::isnan(values[i]), i == 2 && name == "ssim") << name << " of row " << i;
  ASSERT_EQ(found.too_small.size(), 1u);
  const std::vector<std::string>& faults = found.too_small.at("ssim");
  ASSERT_EQ(faults.size(), 1u);
  for (const std::string& part : {answered.images[2].string(), "row \"" + squares.rows[2].id + "\" has no ssim",
                                  std::string("6x6"), std::string("got 5x16")})
    EXPECT_NE(faults[0].find(part), std::string::npos) << faults[0];
  EXPECT_TRUE(found.damaged.empty() && found.unscored.empty());
}

TEST_F(RowMetric, WhatANetworkGivesThatIsNotFiniteHidesNoOtherMetric) {
  const DatasetJudge judge = random_judge("both", kNotFinite);
  const RowMetrics found = row_metrics(answered_by(shifted_targets()), data, judged_by(judge));
  EXPECT_EQ(found.ids.size(), 24u);
  for (const auto& [name, values] : found.values)
    for (const double value : values) EXPECT_EQ(std::isnan(value), name != "psnr" && name != "ssim") << name;
  for (const double value : found.other_text.at("r_precision_dataset")) EXPECT_TRUE(std::isnan(value));
}

TEST_F(RowMetric, CandidatesAreAsManyAsThereAre) {
  const DatasetJudge judge = random_judge();
  const AnsweredRows answered = answered_by(squares.targets);
  EXPECT_EQ(row_metrics(answered, data, judged_by(judge, 5)).candidates, 5);
  EXPECT_EQ(row_metrics(answered, data, judged_by(judge, 100)).candidates, 24);
  EXPECT_EQ(row_metrics(answered, data, {}).candidates, 0);
}

// R-precision of one candidate would be 1 whatever the images.
TEST_F(RowMetric, RowsOfOneSentenceAndPromptAreNotToldApart) {
  const DatasetJudge judge = random_judge();
  for (Row& row : squares.rows) {
    row.text = "make it red";
    row.prompt_file_name = squares.rows[0].prompt_file_name;
  }
  write_metadata(data, squares.rows);
  const RowMetrics found = row_metrics(answered_by(squares.targets), data, judged_by(judge));
  for (const double value : found.values.at("r_precision_dataset")) EXPECT_TRUE(std::isnan(value));
  for (const double value : found.values.at("text_faithfulness_dataset")) EXPECT_EQ(value, 0.5);
  EXPECT_EQ(found.alone, (std::map<std::string, std::int64_t>{{"r_precision_dataset", 24}}));
  EXPECT_EQ(found.candidates, 0);
}

TEST_F(RowMetric, OfOneRowThereAreNoOthers) {
  const DatasetJudge judge = random_judge();
  const AnsweredRows answered = answered_by({squares.prompts[0]});
  const RowMetrics found = row_metrics(answered, data, judged_by(judge));
  EXPECT_EQ(found.ids, std::vector<std::string>{squares.rows[0].id});
  for (const char* name : {"r_precision_dataset", "text_faithfulness_dataset", "prompt_faithfulness_dataset"}) {
    EXPECT_TRUE(std::isnan(found.values.at(name).at(0))) << name;
    EXPECT_EQ(found.alone.at(name), 1) << name;
  }
  for (const char* name : {"psnr", "prompt_similarity_dataset"}) {
    EXPECT_FALSE(std::isnan(found.values.at(name).at(0))) << name;
    EXPECT_EQ(found.alone.count(name), 0u) << name;
  }
  EXPECT_TRUE(found.other_text.empty() && found.other_prompt.empty());
  std::ofstream(answered.images[0]) << "no image";
  const RowMetrics none = row_metrics(answered, data, judged_by(judge));
  EXPECT_TRUE(none.ids.empty() && none.values.at("psnr").empty());
  ASSERT_EQ(none.damaged.size(), 1u);
  EXPECT_NE(none.damaged[0].find(answered.images[0].string()), std::string::npos) << none.damaged[0];
}

TEST_F(RowMetric, WithoutJudgesComparesPixels) {
  const RowMetrics found = row_metrics(answered_by(squares.targets), data, {});
  ASSERT_EQ(found.values.size(), 2u);
  EXPECT_EQ(found.values.count("psnr") + found.values.count("ssim"), 2u);
  EXPECT_TRUE(found.other_text.empty() && found.other_prompt.empty());
}

TEST_F(RowMetric, TargetsTakeTheSizeOfTheImage) {
  std::vector<Image> large;
  for (const Image& target : squares.targets) large.push_back(resize(target, 32, 32));
  const RowMetrics found = row_metrics(answered_by(large), data, {});
  for (const double value : found.values.at("ssim")) EXPECT_NEAR(value, 1, 1e-9);
}

}  // namespace
}  // namespace cigli
