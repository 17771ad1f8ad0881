#include <gtest/gtest.h>
#include <torch/torch.h>

#include <fstream>

#include "eval/conditional/judge.h"
#include "eval/conditional/row_metrics.h"
#include "eval/features/extractor.h"
#include "runtime/safetensors.h"
#include "tests/eval/planted_squares.h"
#include "tests/small_clip.h"
#include "tests/temporary_folder.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using torch::Tensor;

constexpr std::int64_t kByteTokens = 514;

// A small CLIP with byte tokens, in files as a user has them.
class ClipJudgeTest : public testing::Test {
 protected:
  void SetUp() override {
    write_safetensors(weights, test::small_clip_file(kByteTokens));
    std::ofstream(merges) << "#version: 0.2\n";
    for (const Row& row : squares.rows) texts.push_back(row.text);
  }
  ClipJudge judge() const { return {weights, merges, torch::kFloat32}; }
  // Unit embeddings of the network itself, in float64.
  Tensor embedded_images(const std::vector<Image>& images) const {
    std::vector<Tensor> taken;
    for (const Image& image : images) taken.push_back(clip_input(image, 24));
    return unit(network().embed_images(torch::stack(taken)));
  }
  Tensor embedded_texts() const {
    return unit(network().embed_texts(tokenize(Tokenizer(), texts, network().context()).ids));
  }

  const TemporaryFolder folder;
  const fs::path weights = folder / "clip.safetensors", merges = folder / "merges.txt", data = folder / "data";
  PlantedSquares squares = planted_squares(6, 1);
  std::vector<std::string> texts;

 private:
  Clip network() const {
    PretrainedWeights read(weights);
    return Clip(read, {}, torch::kFloat64);
  }
  static Tensor unit(const Tensor& rows) { return rows / rows.norm(2, 1, true); }
};

TEST_F(ClipJudgeTest, SeesWhatTheTowersSee) {
  const ClipJudge clip = judge();
  const Judge::View view = clip.look(squares.targets);
  EXPECT_LT((view.embedding - embedded_images(squares.targets)).abs().max().item<double>(), 1e-5);
  EXPECT_TRUE(torch::equal(view.features, view.embedding));
  EXPECT_TRUE(view.maps.empty());
  const Tensor conditions = clip.conditions(texts, squares.prompts);
  EXPECT_LT((conditions - embedded_texts()).abs().max().item<double>(), 1e-5);
  EXPECT_FALSE(clip.sees_prompts());
  EXPECT_TRUE(torch::equal(clip.conditions(texts, squares.targets), conditions));
}

TEST_F(ClipJudgeTest, ScoresRowsByTheirSentencesAlone) {
  write_pack(squares, data);
  fs::create_directories(folder / "made");
  std::vector<Image> images(squares.targets.begin() + 1, squares.targets.end());
  images.push_back(squares.targets[0]);
  for (std::size_t i = 0; i < images.size(); ++i) write_png(folder / "made" / (squares.rows[i].id + ".png"), images[i]);
  const ClipJudge clip = judge();
  RowMetricsOptions options;
  options.clip = &clip;
  const RowMetrics found = row_metrics(answered_rows(folder / "made", data, ""), data, options);
  ASSERT_EQ(found.ids.size(), squares.rows.size());
  const Tensor own = embedded_images(images), fits = (own * embedded_texts()).sum(1),
               like = (own * embedded_images(squares.targets)).sum(1);
  for (std::size_t i = 0; i < images.size(); ++i) {
    const auto row = static_cast<std::int64_t>(i);
    EXPECT_NEAR(found.values.at("clip_score")[i], std::max(2.5 * fits[row].item<double>(), 0.0), 1e-4) << i;
    EXPECT_NEAR(found.values.at("target_similarity_clip")[i], like[row].item<double>(), 1e-5) << i;
  }
  for (const char* name : {"r_precision_clip", "text_faithfulness_clip", "prompt_similarity_clip"})
    EXPECT_EQ(found.values.count(name), 1u) << name;
  EXPECT_EQ(found.values.count("prompt_faithfulness_clip") + found.values.count("perceptual_clip"), 0u);
  EXPECT_NE(found.other_text.at("clip_score"), found.values.at("clip_score"));
  EXPECT_EQ(found.other_prompt.count("clip_score") + found.other_prompt.count("r_precision_clip"), 0u);
}

TEST_F(ClipJudgeTest, RefusesMergesOfAnotherVocabulary) {
  std::ofstream(merges) << "#version: 0.2\na b\n";
  const std::string message = error_of([&] { judge(); });
  for (const std::string& part : {merges.string(), weights.string(), std::string("515"), std::string("514")})
    EXPECT_NE(message.find(part), std::string::npos) << message;
}

}  // namespace
}  // namespace cigli
