#include "eval/features/extraction.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <fstream>
#include <set>

#include "dataset/tensor_image.h"
#include "runtime/error.h"
#include "tests/temporary_folder.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using torch::Tensor;

// Features are the mean of each channel; one that classifies has twice their first as its logit.
class MeanColour : public FeatureExtractor {
 public:
  explicit MeanColour(bool classifies = false) {
    name_ = "mean";
    classifies_ = classifies;
  }
  Tensor prepared(const Image& image) const override { return to_tensor(image); }
  FeatureBatch operator()(const Tensor& images) const override {
    const Tensor features = images.mean({2, 3});
    return {features, classifies_ ? 2 * features.slice(1, 0, 1) : Tensor()};
  }
};

class Extraction : public testing::Test {
 protected:
  // Image i is of grey 5 i; of those in `damaged` half the file is left.
  void make_images(std::size_t count, const std::set<std::size_t>& damaged = {}) {
    for (std::size_t i = 0; i < count; ++i) {
      const std::string bytes = encode_png(Image(8, 8, static_cast<std::uint8_t>(5 * i)));
      files.push_back(folder / (std::to_string(count - i) + ".png"));  // order is the list's, not the names'
      std::ofstream(files.back(), std::ios::binary) << bytes.substr(0, bytes.size() / (damaged.count(i) ? 2 : 1));
    }
  }
  static double grey(const ExtractedSet& set, std::size_t row) {
    return (set.rows.features[static_cast<std::int64_t>(row)][0].item<double>() + 1) * 127.5;
  }
  const TemporaryFolder folder;
  std::vector<fs::path> files;
};

TEST_F(Extraction, KeepsTheOrderWhateverTheBatchAndTheWorkers) {
  make_images(23);
  const ExtractedSet one = extract_all(MeanColour(), files);
  ASSERT_EQ(one.rows.features.sizes(), (std::vector<std::int64_t>{23, 3}));
  for (std::size_t i = 0; i < files.size(); ++i) {
    EXPECT_EQ(one.numbers[i], i);
    EXPECT_NEAR(grey(one, i), 5.0 * static_cast<double>(i), 1e-3);
  }
  EXPECT_TRUE(one.damaged.empty());
  for (const std::int64_t batch_size : {1, 4, 23, 100})
    for (const std::int64_t workers : {1, 3}) {
      const ExtractedSet set = extract_all(MeanColour(), files, {batch_size, workers, {}});
      EXPECT_TRUE(set.rows.features.equal(one.rows.features)) << batch_size << " " << workers;
      EXPECT_EQ(set.numbers, one.numbers);
    }
}

TEST_F(Extraction, HandsOutWholeBatchesWithTheirNumbers) {
  make_images(10, {5});
  std::vector<std::vector<std::size_t>> batches;
  std::vector<std::int64_t> progress;
  extract(MeanColour(), files,
          [&](const FeatureBatch& batch, const std::vector<std::size_t>& numbers) {
            EXPECT_EQ(batch.features.size(0), static_cast<std::int64_t>(numbers.size()));
            batches.push_back(numbers);
          },
          {4, 1, [&](std::int64_t done, std::int64_t all) {
             EXPECT_EQ(all, 10);
             progress.push_back(done);
           }});
  EXPECT_EQ(batches, (std::vector<std::vector<std::size_t>>{{0, 1, 2, 3}, {4, 6, 7}, {8, 9}}));
  EXPECT_EQ(progress, (std::vector<std::int64_t>{4, 8, 10}));
}

TEST_F(Extraction, PassesOverWhatIsDamagedAndSaysWhy) {
  make_images(9, {0, 3, 4, 5});
  files.push_back(folder / "nowhere.png");
  const ExtractedSet set = extract_all(MeanColour(), files, {3, 2, {}});  // none of the second batch can be read
  EXPECT_EQ(set.numbers, (std::vector<std::size_t>{1, 2, 6, 7, 8}));
  ASSERT_EQ(set.rows.features.size(0), 5);
  for (std::size_t i = 0; i < set.numbers.size(); ++i)
    EXPECT_NEAR(grey(set, i), 5.0 * static_cast<double>(set.numbers[i]), 1e-3);
  std::vector<std::size_t> damaged;
  for (const auto& [number, reason] : set.damaged) {
    damaged.push_back(number);
    EXPECT_NE(reason.find(files[number].string()), std::string::npos) << reason;
  }
  EXPECT_EQ(damaged, (std::vector<std::size_t>{0, 3, 4, 5, 9}));
}

TEST_F(Extraction, OfNothingIsNothing) {
  make_images(2, {0, 1});
  const ExtractedSet unreadable = extract_all(MeanColour(), files), none = extract_all(MeanColour(), {});
  EXPECT_EQ(unreadable.damaged.size(), 2u);
  EXPECT_FALSE(unreadable.rows.features.defined());
  EXPECT_TRUE(none.damaged.empty());
  EXPECT_FALSE(none.rows.features.defined());
}

TEST_F(Extraction, KeepsTheLogitsOfAClassifier) {
  make_images(7, {2});
  const ExtractedSet set = extract_all(MeanColour(true), files, {2, 1, {}});
  EXPECT_TRUE(set.rows.logits.equal(2 * set.rows.features.slice(1, 0, 1)));
  EXPECT_FALSE(extract_all(MeanColour(), files).rows.logits.defined());
}

TEST_F(Extraction, AnErrorOfWhoTakesThemComesOut) {
  make_images(6);
  const auto take = [](const FeatureBatch&, const std::vector<std::size_t>& numbers) {
    if (numbers[0] == 2) throw Error("enough");
  };
  EXPECT_EQ(error_of([&] { extract(MeanColour(), files, take, {2, 1, {}}); }), "enough");
}

TEST_F(Extraction, TheEffectOfRoundingIsThatOfTheFirstImages) {
  make_images(9);
  const Tensor features = extract_all(MeanColour(), files).rows.features, rounded = features * 1.01;
  const RoundingEffect effect = effect_of_rounding(MeanColour(), files, rounded.slice(0, 0, 7));
  EXPECT_EQ(effect.images, 7);
  EXPECT_NEAR(effect.relative_error, 0.01, 1e-6);
  ASSERT_TRUE(effect.distance.has_value());
  EXPECT_GT(*effect.distance, 0);
  EXPECT_EQ(to_line(effect).rfind("bfloat16: of 7 images the features differ by 1 % from float32's, a ", 0), 0u)
      << to_line(effect);
  const RoundingEffect of_one = effect_of_rounding(MeanColour(), files, rounded.slice(0, 0, 1));
  EXPECT_FALSE(of_one.distance.has_value());
  EXPECT_EQ(to_line(of_one).find("distance"), std::string::npos);
}

TEST(FeatureExtractor, RefusesOptionsOfOtherFeatures) {
  const auto refusal = [](const FeatureOptions& options) { return error_of([&] { make_extractor(options, ""); }); };
  FeatureOptions options;
  options.features = "dataset";
  options.weights = "some.pth";
  EXPECT_EQ(refusal(options),
            "--weights is of inception, clip and efficientnet-lite0 (--scorer FILE), not of the features dataset");
  options.weights.clear();
  options.dtype = "bfloat16";
  EXPECT_EQ(refusal(options),
            "--dtype bfloat16 is of inception, clip and efficientnet-lite0, not of the features dataset");
  options.dtype = "float32";
  options.layer = 64;
  EXPECT_EQ(refusal(options), "--layer is of inception, not of the features dataset");
  options.features = "clip";
  options.layer = 2048;
  options.resampling = "clean";
  EXPECT_EQ(refusal(options), "--resampling is of inception, not of the features clip");
}

}  // namespace
}  // namespace cigli
