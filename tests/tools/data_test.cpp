#include <gtest/gtest.h>

#include "dataset/image.h"
#include "tests/tools/command.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

// One true example of NLVR v1 in its six orders.
fs::path nlvr_source(const fs::path& folder) {
  fs::create_directories(folder / "dev/images/3");
  write_text(folder / "dev/dev.json",
             R"({"sentence":"There is a box.","label":"true","identifier":"12-0","directory":"3",)"
             R"("structured_rep":[[],[],[]]})"
             "\n");
  for (int k = 0; k < 6; ++k) {
    const fs::path file = folder / "dev/images/3" / ("dev-12-0-" + std::to_string(k) + ".png");
    write_png(file, Image(400, 100, static_cast<std::uint8_t>(40 * k)));
  }
  return folder / "dev";
}

TEST(DataImport, CountsPairsAndExitsWith3WhereSomeAreSkipped) {
  const fs::path folder = scratch("nlvr"), source = nlvr_source(folder);
  const Outcome whole = cigli({"data", "import", "nlvr", "--source", source, "--out", folder / "all", "--json"});
  EXPECT_EQ(whole.code, 0) << whole.err;
  EXPECT_EQ(Json::parse(whole.out), (Json{{"pairs", 6}, {"skipped", 0}}));

  fs::resize_file(source / "images/3/dev-12-0-4.png", 30);
  const Outcome part = cigli({"data", "import", "nlvr", "--source", source, "--out", folder / "part", "--json"});
  EXPECT_EQ(part.code, 3);
  EXPECT_EQ(Json::parse(part.out), (Json{{"pairs", 5}, {"skipped", 1}}));
  EXPECT_NE(part.err.find("dev-12-0-4.png"), std::string::npos) << part.err;

  const Outcome packed =
      cigli({"data", "pack", "--data", folder / "part", "--out", folder / "p.pack", "--size", "64", "--json"});
  EXPECT_EQ(packed.code, 0) << packed.err;
  EXPECT_EQ(Json::parse(packed.out)["pairs"], 5);
  expect_complaint(cigli({"data", "import", "coco", "--source", source, "--out", folder / "x"}), 2, {"coco", "nlvr"});
}

TEST(DataImport, Nlvr2ListsIdentifiersOrMakesADataset) {
  const fs::path folder = scratch("nlvr2"), annotations = folder / "dev.json", out = folder / "out";
  const auto row = [](const std::string& identifier, const std::string& sentence) {
    return Json{{"identifier", identifier}, {"label", "True"}, {"sentence", sentence}}.dump() + '\n';
  };
  write_text(annotations, row("dev-1-0-0", "The left image shows a dog.") + row("dev-2-0-0", "Two dogs sit.") +
                              row("dev-3-0-0", "The right image shows a cat."));
  const auto import = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words{"data", "import", "nlvr2", "--annotations", annotations};
    words.insert(words.end(), more.begin(), more.end());
    return cigli(words);
  };
  EXPECT_EQ(import({"--list-only"}).out, "dev-1-0-0\ndev-3-0-0\n");
  EXPECT_EQ(import({"--list-only", "--filter", "corrected"}).out, "dev-1-0-0\ndev-2-0-0\ndev-3-0-0\n");

  fs::create_directories(folder / "images");
  for (const char* side : {"0", "1"})
    write_png(folder / "images" / ("dev-1-0-img" + std::string(side) + ".png"), Image(16, 16, 90));
  const Outcome outcome = import({"--images", folder / "images", "--out", out});
  EXPECT_EQ(outcome.code, 3) << outcome.err;
  EXPECT_EQ(outcome.out, out.string() +
                             ": 1 pairs of 1 rows; of 3 rows 0 are labelled false, 1 filtered, 1 without both "
                             "images, 0 with a damaged image, 0 malformed\n");
  EXPECT_NE(outcome.err.find("dev.json:3: no image dev-3-0-img0.png"), std::string::npos) << outcome.err;
  EXPECT_EQ(cigli({"data", "check", out}).code, 0);

  expect_complaint(import({"--out", out}), 2, {"--images"});
  expect_complaint(import({"--images", folder}), 2, {"--out"});
  expect_complaint(import({"--list-only", "--json"}), 2, {"--list-only"});
  expect_complaint(import({"--list-only", "--filter", "strict"}), 2, {"strict", "corrected"});
}

TEST(DataCurate, KeepsUsableRowsAndSaysWhyNotTheOthers) {
  const fs::path folder = scratch("curate"), data = folder / "data", out = folder / "kept";
  fs::copy(fixture().data, data, fs::copy_options::recursive);
  const std::string metadata = read_text(data / "metadata.jsonl");
  std::vector<Json> rows = read_lines(data / "metadata.jsonl");
  Json again = rows[0], wordless = rows[1], lost = rows[2];
  again["id"] = "again";
  wordless["id"] = "wordless";
  wordless["text"] = "Circles.";
  lost["id"] = "lost";
  lost["target_file_name"] = "nowhere.png";
  write_text(data / "metadata.jsonl", metadata + again.dump() + "\n{\n" + wordless.dump() + '\n' + lost.dump() + '\n');
  const Json expected = {{"malformed", 1}, {"damaged", 1},  {"small", 0},     {"aspect", 0},    {"blank", 0},
                         {"caption", 1},   {"leak", 0},     {"unchanged", 0}, {"duplicate", 1}, {"repeated", 0},
                         {"templated", 0}, {"unneeded", 0}, {"undecided", 0}};

  const Outcome dry = cigli({"data", "curate", "--data", data, "--dry-run", "--json"});
  EXPECT_EQ(dry.code, 0) << dry.err;
  EXPECT_EQ(Json::parse(dry.out), (Json{{"rows", 24}, {"kept", 20}, {"dropped", expected}}));
  EXPECT_FALSE(fs::exists(out));

  const Outcome outcome = cigli({"data", "curate", "--data", data / "metadata.jsonl", "--out", out});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("20 of 24 rows kept"), std::string::npos) << outcome.out;
  EXPECT_EQ(read_lines(out / "metadata.jsonl"), rows);
  EXPECT_EQ(Json::parse(read_text(out / "curation.json")), Json::parse(dry.out));
  const std::vector<Json> dropped = read_lines(out / "dropped.jsonl");
  ASSERT_EQ(dropped.size(), 4U);
  EXPECT_EQ(dropped[0]["id"], "again");
  EXPECT_EQ(dropped[0]["objection"], "duplicate");
  EXPECT_EQ(dropped[0]["reason"], "the same sentence and pictures as on line 1");
  EXPECT_EQ(dropped[1]["line"], 22);
  EXPECT_FALSE(fs::exists(out / "unfinished"));
  const std::string page = read_text(out / "report.html");
  for (const char* part : {"From 24 rows to 20", "without duplicate", "dropped: malformed (1 of 1)", "kept (20 of 20)",
                           "prompt 64x64", "data:image/png;base64,", "the same sentence and pictures as on line 1"})
    EXPECT_NE(page.find(part), std::string::npos) << part;
  for (const char* part : {"<script", "http:", "https:", "src=\"images"})
    EXPECT_EQ(page.find(part), std::string::npos) << part;
  EXPECT_EQ(cigli({"data", "check", out}).code, 0);

  expect_complaint(cigli({"data", "curate", "--data", data, "--out", out}), 1, {"holds a dataset already"});
  expect_complaint(cigli({"data", "curate", "--data", data}), 2, {"--out", "--dry-run"});
  expect_complaint(cigli({"data", "curate", "--data", data, "--dry-run", "--keep", "damaged"}), 2, {"damaged", "leak"});
  expect_complaint(cigli({"data", "curate", "--data", data, "--out", folder / "none", "--min-words", "200"}), 1,
                   {"none of its 24 rows is kept", "dropped.jsonl"});
  EXPECT_FALSE(fs::exists(folder / "none/metadata.jsonl"));
}

TEST(DataCurate, TheGateJudgesWhatHygieneLeaves) {
  const fs::path folder = scratch("gate"), data = folder / "data", out = folder / "kept";
  ASSERT_EQ(cigli({"data", "synth", "--out", data, "--count", "48", "--seed", "1", "--per-prompt", "4", "--planted",
                   "0.25", "--split", "train"})
                .code,
            0);
  const auto curate = [&](const fs::path& into, const std::vector<std::string>& more) {
    std::vector<std::string> words{
        "data",      "curate",  "--data", data,      "--out", into,     "--gate",
        "necessity", "--folds", "2",      "--steps", "2",     "--keep", "unchanged,duplicate",
        "--threads", "1"};
    words.insert(words.end(), more.begin(), more.end());
    return cigli(words);
  };
  const Outcome outcome = curate(out, {"--margin", "0"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("area under the ROC curve"), std::string::npos) << outcome.out;
  const Json counts = Json::parse(read_text(out / "curation.json")), &gate = counts["necessity"];
  EXPECT_EQ(counts["rows"], 48);
  EXPECT_EQ(gate["rows"], 48);
  EXPECT_EQ(gate["planted"]["rows"], 24);
  EXPECT_EQ(counts["dropped"]["unneeded"], gate["dropped"]);
  EXPECT_EQ(counts["dropped"]["undecided"], 0);
  EXPECT_GT(gate["undecided"], 0);  // scorers of two steps often do worse than chance
  const std::vector<Json> rows = read_lines(out / "necessity.jsonl");
  ASSERT_EQ(rows.size(), 48U);
  int kept = 0;
  for (const Json& row : rows) {
    kept += row["need"] != "dropped";
    EXPECT_NEAR(row["necessity"].get<double>(),
                row["joint"].get<double>() - std::max(row["text_only"].get<double>(), row["image_only"].get<double>()),
                2e-4);
  }
  EXPECT_EQ(counts["kept"], kept);
  EXPECT_EQ(read_lines(out / "metadata.jsonl").size(), static_cast<std::size_t>(kept));
  EXPECT_NE(read_text(out / "report.html").find("Rows by necessity"), std::string::npos);
  EXPECT_FALSE(fs::exists(out / "unfinished"));

  // No scorer knows a hundred nats: all are undecided.
  expect_complaint(curate(folder / "none", {"--margin", "100", "--undecided", "drop"}), 1,
                   {"none of its 48 rows is kept"});
  const std::vector<Json> dropped = read_lines(folder / "none/dropped.jsonl");
  ASSERT_EQ(dropped.size(), 48U);
  for (const Json& row : dropped) EXPECT_EQ(row["objection"], "undecided");
  expect_complaint(cigli({"data", "curate", "--data", data, "--dry-run", "--gate", "necessity"}), 2,
                   {"--dry-run", "--gate"});
  expect_complaint(cigli({"data", "curate", "--data", data, "--out", folder / "no", "--gate", "need"}), 2,
                   {"need", "necessity"});
}

TEST(DataCheck, SaysWhetherTrainingCanReadAFolder) {
  const Outcome good = cigli({"data", "check", fixture().data});
  EXPECT_EQ(good.code, 0) << good.out << good.err;

  const fs::path folder = scratch("check");
  fs::copy(fixture().data, folder, fs::copy_options::recursive);
  const std::string rows = read_text(folder / "metadata.jsonl");
  write_text(folder / "metadata.jsonl", rows + rows.substr(0, rows.find('\n') + 1));
  const Outcome bad = cigli({"data", "check", folder});
  EXPECT_EQ(bad.code, 1);
  EXPECT_NE((bad.out + bad.err).find("metadata.jsonl:21"), std::string::npos) << bad.out << bad.err;
  EXPECT_NE((bad.out + bad.err).find("duplicate id"), std::string::npos) << bad.out << bad.err;
}

// What is installed runs from any directory, and draws with the model inside it.
TEST(Install, GivesAProgramThatRunsElsewhere) {
  const fs::path prefix = scratch("prefix"), build = fs::path(CIGLI_BINARY).parent_path();
  const std::string program = "'" + (prefix / "bin/cigli").string() + "'";
  const Outcome installed = shell(
      "cmake --install '" + build.string() + "' --prefix '" + prefix.string() + "' >/dev/null && cd / && " + program +
      " generate --text 'Mirror the first image.' --image '" + fixture().prompt(0).string() + "' --out '" +
      (prefix / "x.png").string() + "' && " + program + " inspect '" + fixture().model.string() + "' --json");
  ASSERT_EQ(installed.code, 0) << installed.err;
  EXPECT_EQ(read_image(prefix / "x.png").width, 64);
  const std::size_t line = installed.out.find('{');
  ASSERT_NE(line, std::string::npos) << installed.out;
  EXPECT_EQ(Json::parse(installed.out.substr(line))["kind"], "model");
}

}  // namespace
}  // namespace cigli
