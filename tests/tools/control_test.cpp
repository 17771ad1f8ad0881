#include <gtest/gtest.h>

#include <filesystem>

#include "dataset/fit.h"
#include "dataset/image.h"
#include "tests/tools/command.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

double accuracy(const fs::path& generated) {
  const Outcome outcome = cigli({"evaluate", "--generated", generated, "--data", fixture().data, "--json"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  return Json::parse(outcome.out)["consistency"]["accuracy"].get<double>();
}

fs::path control(const std::string& kind, const std::vector<std::string>& more = {}) {
  const fs::path out = scratch("control-" + kind);
  std::vector<std::string> words{"control", "--kind", kind, "--data", fixture().data, "--out", out};
  words.insert(words.end(), more.begin(), more.end());
  const Outcome outcome = cigli(words);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  return out;
}

Image image_of(const fs::path& folder, std::size_t row) {
  return read_image(folder / (fixture().rows[row]["id"].get<std::string>() + ".png"));
}

TEST(Control, ACopyIsThePromptAndHoldsNowhere) {
  const fs::path out = control("copy");
  EXPECT_EQ(image_of(out, 0), read_image(fixture().prompt(0)));
  EXPECT_GT(read_image(out / "contact.png").width, 200);
  EXPECT_EQ(accuracy(out), 0);
}

TEST(Control, ABlankImageHasNoObjects) {
  const fs::path out = control("blank");
  const Image blank = image_of(out, 3);
  for (std::size_t i = 0; i < blank.pixels.size(); ++i) ASSERT_EQ(blank.pixels[i], blank.pixels[i % 3]);
  EXPECT_EQ(accuracy(out), 0);
}

TEST(Control, SwappedTargetsAreOtherRowsTargets) {
  const fs::path out = control("swapped-target", {"--seed", "3"});
  const Image other = image_of(out, 0);
  int found = -1;
  for (std::size_t i = 0; i < fixture().rows.size(); ++i)
    if (read_image(fixture().data / fixture().rows[i]["target_file_name"].get<std::string>()) == other)
      found = static_cast<int>(i);
  EXPECT_GT(found, 0);
  EXPECT_EQ(accuracy(out), 0);
}

TEST(Control, RetrievalFindsATrainingPairsOwnTarget) {
  const fs::path out = control("retrieval", {"--training", fixture().pack, "--split", "train", "--size", "32"});
  for (std::size_t i = 0; i < 3; ++i) {
    ASSERT_EQ(fixture().rows[i]["split"], "train");
    const Image target = read_image(fixture().data / fixture().rows[i]["target_file_name"].get<std::string>());
    EXPECT_TRUE(image_of(out, i) == fit(target, 32, 32)) << i;  // the pack holds it at 32 pixels
  }
}

TEST(Control, ComparesWithAnother) {
  const fs::path folder = scratch("compare"), copies = control("copy"), targets = scratch("targets-all");
  for (const Json& row : fixture().rows)
    fs::copy_file(fixture().data / row["target_file_name"].get<std::string>(),
                  targets / (row["id"].get<std::string>() + ".png"), fs::copy_options::overwrite_existing);
  const std::string good = folder / "targets.jsonl", bad = folder / "copies.jsonl";
  for (const auto& [generated, rows] : {std::pair{targets, good}, {copies, bad}})
    ASSERT_EQ(cigli({"evaluate", "--generated", generated, "--data", fixture().data, "--rows", rows}).code, 0);
  const Outcome outcome = cigli({"compare", "--rows", good, "--against", bad, "--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Json json = Json::parse(outcome.out);
  EXPECT_EQ(json["accuracy"], 1);
  EXPECT_EQ(json["difference"]["accuracy"], 1);
  EXPECT_EQ(json["difference"]["n"], 20);
  EXPECT_EQ(Json::parse(cigli({"compare", "--rows", good + "," + bad, "--json"}).out)["accuracy"], 0.5);
  expect_complaint(cigli({"compare", "--rows", folder / "absent.jsonl"}), 1, {"absent.jsonl"});
}

TEST(Control, SaysWhatItNeeds) {
  const fs::path out = scratch("control-bad");
  expect_complaint(cigli({"control", "--kind", "retrieval", "--data", fixture().data, "--out", out}), 2,
                   {"--training"});
  expect_complaint(cigli({"control", "--kind", "noise", "--data", fixture().data, "--out", out}), 2,
                   {"noise", "blank"});
  expect_complaint(cigli({"control", "--kind", "copy", "--data", fixture().data, "--out", out, "--split", "dev"}), 1,
                   {"dev"});
  Json row = fixture().rows[0];
  row["id"] = "../outside";
  const fs::path metadata = fixture().data / "outside.jsonl";  // a metadata file by another name
  write_text(metadata, fixture().rows[1].dump() + '\n' + row.dump() + '\n');
  expect_complaint(cigli({"control", "--kind", "copy", "--data", metadata, "--out", out / "images"}), 1,
                   {"outside.jsonl:2", "../outside"});
  EXPECT_FALSE(fs::exists(out / "outside.png"));
  row["id"] = "contact";
  write_text(metadata, fixture().rows[1].dump() + '\n' + row.dump() + '\n');
  expect_complaint(cigli({"control", "--kind", "copy", "--data", metadata, "--out", out / "images"}), 1,
                   {"outside.jsonl", "contact.png"});
  EXPECT_FALSE(fs::exists(out / "images"));
  write_text(metadata, fixture().rows[1].dump() + '\n');
  EXPECT_EQ(cigli({"control", "--kind", "copy", "--data", metadata, "--out", out}).code, 0);
  EXPECT_EQ(image_of(out, 1), read_image(fixture().prompt(1)));
  fs::remove(metadata);
}

}  // namespace
}  // namespace cigli
