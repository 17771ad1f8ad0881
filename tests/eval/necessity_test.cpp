#include "eval/necessity.h"

#include <gtest/gtest.h>

#include <map>

#include "eval/roc.h"
#include "runtime/error.h"
#include "tests/eval/planted_squares.h"
#include "tests/temporary_folder.h"

namespace cigli {
namespace {

NecessityOptions tiny() {
  torch::set_num_threads(1);  // small operations; and many threads crawl where others want the cores
  NecessityOptions options;
  PairScorerOptions& architecture = options.training.architecture;
  architecture.text.width = architecture.fusion.width = 32;
  architecture.text.layers = architecture.fusion.layers = 1;
  architecture.image.widths = {16, 32};
  architecture.width = 16;
  return options;
}

NecessityOptions quick(std::int64_t folds = 2) {
  NecessityOptions options = tiny();
  options.folds = folds;
  options.draws = 2;
  options.training.steps = 3;
  options.training.batch_size = 16;
  options.training.candidates = 8;
  return options;
}

TEST(Necessity, EveryRowIsJudgedOnceInTwoFoldsAndTwiceInMore) {
  const TemporaryFolder folder;
  PlantedSquares data = planted_squares(12, 1);
  const Pack pack = write_pack(data, folder / "data");
  for (const std::int64_t folds : {2, 3}) {
    std::int64_t last = 0, all = 0;
    const NecessityTable table = judge_necessity(pack, quick(folds), {}, [&](std::int64_t done, std::int64_t of) {
      last = done;
      all = of;
    });
    EXPECT_EQ(last, folds * 3 * 3);
    EXPECT_EQ(all, last);
    ASSERT_EQ(table.rows.size(), 48u);
    bool spread = false;
    for (std::size_t i = 0; i < table.rows.size(); ++i) {
      EXPECT_EQ(table.rows[i].id, data.rows[i].id);
      spread = spread || table.rows[i].spread > 0;
    }
    EXPECT_EQ(spread, folds > 2);
    EXPECT_EQ(table.folds.size(), static_cast<std::size_t>(folds));
    EXPECT_EQ(table.joint.n, 48);
    EXPECT_EQ(table.joint.clusters, 12);
    EXPECT_EQ(table.rows[0].cluster, table.rows[3].cluster);
    EXPECT_NE(table.rows[0].cluster, table.rows[4].cluster);
    EXPECT_GE(table.chance, 1.0 / 8);
    const nlohmann::ordered_json json = table.json();
    EXPECT_EQ(json["accuracy"]["text_only"]["clusters"], 12);
    EXPECT_EQ(json["kept"].get<int>() + json["dropped"].get<int>() + json["undecided"].get<int>(), 48);
  }
}

TEST(Necessity, GoesOnFromItsWorkspaceToTheSameResult) {
  const TemporaryFolder folder;
  PlantedSquares data = planted_squares(8, 1);
  const Pack pack = write_pack(data, folder / "data");
  const auto result = [&](const NecessityOptions& options, const std::filesystem::path& workspace) {
    std::string lines;
    for (const RowNecessity& row : judge_necessity(pack, options, workspace).rows)
      lines += row.id + ' ' + std::to_string(row.joint) + ' ' + std::to_string(row.necessity()) + '\n';
    return lines;
  };
  const std::string whole = result(quick(), {});
  const auto stop = [](std::int64_t done, std::int64_t) {
    if (done == 8) throw Error("stopped");
  };
  EXPECT_EQ(error_of([&] { judge_necessity(pack, quick(), folder / "work", stop); }), "stopped");
  EXPECT_TRUE(std::filesystem::exists(folder / "work/scores-0-text-only.safetensors"));
  EXPECT_FALSE(std::filesystem::exists(folder / "work/scores-0-image-only.safetensors"));
  EXPECT_EQ(result(quick(), folder / "work"), whole);
  // What other options or a damaged file left is judged again.
  write_file(folder / "work/scores-1-both.safetensors", std::string("{\"key\""));
  EXPECT_EQ(result(quick(), folder / "work"), whole);
  NecessityOptions other = quick();
  other.seed = 1;
  EXPECT_NE(result(other, folder / "work"), whole);
}

TEST(Necessity, NeedsPromptsForItsFolds) {
  const TemporaryFolder folder;
  PlantedSquares data = planted_squares(3, 1);
  const Pack pack = write_pack(data, folder / "data");
  const std::string error = error_of([&] { judge_necessity(pack, quick(2)); });
  EXPECT_NE(error.find("2 folds"), std::string::npos) << error;
  EXPECT_NE(error.find("expected at least 4"), std::string::npos) << error;
}

NecessityOptions learning() {
  NecessityOptions options = tiny();
  options.folds = 2;
  options.training.steps = 240;
  options.training.batch_size = 32;
  options.training.candidates = 16;
  return options;
}

double mean_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

TEST(NecessitySlow, TellsPlantedRowsFromGenuineOnes) {
  const TemporaryFolder folder;
  PlantedSquares data = planted_squares(96, 10);
  const NecessityTable table = judge_necessity(write_pack(data, folder / "data"), learning());
  std::map<std::string, std::vector<double>> necessities;
  std::map<std::string, std::map<Need, int>> needs;
  for (std::size_t i = 0; i < data.rows.size(); ++i) {
    necessities[data.planted[i]].push_back(table.rows[i].necessity());
    ++needs[data.planted[i]][table.rows[i].need];
  }
  for (const std::string kind : {"sentence", "prompt"}) {
    EXPECT_GE(area_under_roc(necessities[""], necessities[kind]).accuracy, 0.9) << kind;
    EXPECT_LT(mean_of(necessities[kind]), 0.3) << kind;
  }
  EXPECT_GT(mean_of(necessities[""]), 0.8);
  EXPECT_GT(needs[""][Need::kept], 0.8 * static_cast<double>(necessities[""].size()));
  EXPECT_GT(needs["prompt"][Need::dropped], 0.8 * static_cast<double>(necessities["prompt"].size()));
  EXPECT_GT(table.joint.accuracy, table.image_only.accuracy + 0.2);
  EXPECT_GT(table.joint.accuracy, table.text_only.accuracy + 0.2);
}

// With another row's prompt nothing of it can help: what is left is what the sentence tells alone.
TEST(NecessitySlow, FallsToZeroWhereThePromptsAreShuffled) {
  const TemporaryFolder folder;
  PlantedSquares data = planted_squares(96, 20), genuine;
  for (std::size_t i = 0; i < data.rows.size(); ++i) {
    if (!data.planted[i].empty()) continue;
    genuine.rows.push_back(data.rows[i]);
    genuine.prompts.push_back(data.prompts[i]);
    genuine.targets.push_back(data.targets[i]);
  }
  Philox random(3);
  for (std::size_t i = genuine.prompts.size(); i > 1; --i)
    std::swap(genuine.prompts[i - 1], genuine.prompts[random.below(i)]);
  const NecessityTable table = judge_necessity(write_pack(genuine, folder / "data"), learning());
  std::vector<double> necessities;
  for (const RowNecessity& row : table.rows) necessities.push_back(row.necessity());
  EXPECT_LT(mean_of(necessities), 0.15);
  EXPECT_LT(table.count(Need::kept), 0.2 * static_cast<double>(table.rows.size()));
}

}  // namespace
}  // namespace cigli
