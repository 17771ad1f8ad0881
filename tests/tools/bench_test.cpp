#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "dataset/image.h"
#include "tests/tools/command.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

std::string fake(const std::string& name, const std::string& options) {
  return name + "=exec " + CIGLI_FAKE_WORKER + " " + options;
}

Outcome bench(const std::vector<std::string>& more, const fs::path& data = fixture().data) {
  std::vector<std::string> words{"bench", "--data", data, "--resamples", "200"};
  words.insert(words.end(), more.begin(), more.end());
  return cigli(words);
}

TEST(Bench, MeasuresAModelBesideACommand) {
  const fs::path folder = scratch("bench");
  // The fake one gives prompts back, which must be as large as the model's images.
  fs::copy(fixture().data, folder / "data", fs::copy_options::recursive);
  for (const auto& file : fs::recursive_directory_iterator(folder / "data"))
    if (file.path().extension() == ".png") write_png_unsynced(file, resize(read_image(file), 32, 32));
  const Outcome outcome = bench({"--system",     "tiny=" + fixture().model.string(),
                                 "--command",    fake("a, quick fake", "--sleep-ms 2"),
                                 "--scenario",   "random-batch,offline",
                                 "--threads",    "1",
                                 "--rounds",     "2",
                                 "--calls",      "4",
                                 "--batch-size", "3",
                                 "--gate",       "0",
                                 "--out",        folder / "bench.json",
                                 "--html",       folder / "bench.html",
                                 "--latencies",  folder / "calls.csv",
                                 "--images",     folder / "images",
                                 "--quality",    "consistency"},
                                folder / "data");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Json json = Json::parse(read_text(folder / "bench.json"));
  ASSERT_EQ(json["scenarios"].size(), 2u);
  for (const Json& scenario : json["scenarios"]) {
    ASSERT_EQ(scenario["systems"].size(), 2u);
    const Json &tiny = scenario["systems"][0], &fake = scenario["systems"][1];
    EXPECT_EQ(tiny["name"], "tiny");
    EXPECT_EQ(tiny["title"].get<std::string>().rfind("cigli ", 0), 0u);
    EXPECT_GT(tiny["details"]["weights_bytes"], 1000);
    EXPECT_GT(tiny["over_baseline_bytes"], 1000000);
    EXPECT_GT(tiny["start_seconds"], fake["start_seconds"]);
    EXPECT_EQ(fake["name"], "a, quick fake");
    EXPECT_EQ(tiny["calls"], 8);
    EXPECT_EQ(tiny["images"], fake["images"]);
    EXPECT_EQ(tiny["energy_source"], fake["energy_source"]);
    EXPECT_EQ(tiny["quality"]["metric"], "consistency");
    EXPECT_EQ(tiny["rank"], 2);
    EXPECT_EQ(fake["rank"], 1);
    EXPECT_GT(fake["ratio_to_first"]["value"], 1);
    EXPECT_TRUE(tiny["ratio_to_first"].is_null());
  }
  EXPECT_GT(json["scenarios"][0]["systems"][0]["images"], 8);
  EXPECT_EQ(json["scenarios"][1]["systems"][0]["images"], 160);
  for (const Json& row : fixture().rows)
    EXPECT_TRUE(fs::exists(folder / "images/offline/tiny" / (row["id"].get<std::string>() + ".png")));
  const std::string csv = read_text(folder / "calls.csv");
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 1 + 2 * 2 * 2 * 4);
  EXPECT_TRUE(contains(csv, "offline,\"a, quick fake\",1,3,20,"));
  const std::string page = read_text(folder / "bench.html");
  for (const char* part :
       {"random-batch", "a, quick fake", "<svg", "cigli_fake_worker", "Quality gate: 0", " <small>[", "busy before: "})
    EXPECT_TRUE(contains(page, part)) << part;
  EXPECT_FALSE(contains(page, "<script"));
  EXPECT_TRUE(contains(outcome.out, "rank 1, "));
}

// The worker's images are those of `generate`.
TEST(Bench, ServesTheImagesThatGenerateMakes) {
  const fs::path folder = scratch("served");
  const Outcome outcome = bench({"--system", "tiny=" + fixture().model.string(), "--scenario", "fixed-batch",
                                 "--rounds", "1", "--calls", "1", "--batch-size", "5", "--images", folder / "images"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  ASSERT_EQ(cigli({"generate", "--model", fixture().model, "--requests", fixture().data / "metadata.jsonl", "--limit",
                   "5", "--batch-size", "5", "--out", folder / "generated"})
                .code,
            0);
  int compared = 0;
  for (const auto& file : fs::directory_iterator(folder / "images/fixed-batch/tiny")) {
    EXPECT_EQ(read_image(file.path()), read_image(folder / "generated" / file.path().filename()));
    ++compared;
  }
  EXPECT_EQ(compared, 5);
  expect_complaint(bench({"--scenario", "fixed-batch", "--system", "tiny=x", "--images", folder / "images"}), 1,
                   {"images/fixed-batch/tiny", "is not empty"});
  EXPECT_TRUE(contains(outcome.out, "not ranked: no gate"));
}

TEST(Bench, AFrechetDistanceIsWhatItsIntervalIsAbout) {
  constexpr int enough = 256;  // twice the dimensions of the embedded scorer's features
  const fs::path folder = scratch("distance"), data = folder / "data", images = folder / "images";
  ASSERT_EQ(cigli({"data", "synth", "--out", data, "--count", std::to_string(enough), "--seed", "3", "--split", "test",
                   "--size", "32"})
                .code,
            0);
  const auto quality_of = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words{"--command", fake("copies", ""), "--scenario", "offline", "--rounds", "1", "--calls",
                                   "1",         "--quality",        "fid",        "--json"};
    words.insert(words.end(), more.begin(), more.end());
    const Outcome outcome = bench(words, data);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return Json::parse(outcome.out).at("scenarios").at(0).at("systems").at(0).at("quality");
  };
  const Json quality = quality_of({"--images", images});
  const Outcome scores = cigli({"evaluate", "--generated", images / "offline" / "copies", "--data", data, "--features",
                                "dataset", "--metrics", "fid", "--json"});
  ASSERT_EQ(scores.code, 0) << scores.err;
  const Json distance = Json::parse(scores.out).at("fd_dataset");
  EXPECT_EQ(quality["metric"], "fd_dataset corrected");
  EXPECT_EQ(quality["n"], enough);
  EXPECT_NE(distance["value"], distance["corrected"]);
  EXPECT_NEAR(quality["value"].get<double>(), distance["corrected"].get<double>(), 1e-6);
  EXPECT_NEAR(quality["ci"][0].get<double>() + quality["ci"][1].get<double>(), 2 * quality["value"].get<double>(),
              1e-9);
  // Of fewer there is no correction.
  const Json few = quality_of({"--limit", "30"});
  EXPECT_EQ(few["metric"], "fd_dataset");
  EXPECT_TRUE(few["ci"].is_null());
}

TEST(Bench, MeasuresTheExampleInPython) {
  if (shell("python3 -c 'import json, shutil, sys'").code != 0) GTEST_SKIP() << "python3 isn't there";
  const Outcome outcome =
      bench({"--command", std::string("copies=python3 ") + CIGLI_SOURCE_DIR + "/bench/example_worker.py", "--rounds",
             "1", "--calls", "2", "--batch-size", "4", "--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Json json = Json::parse(outcome.out);
  EXPECT_EQ(json["scenarios"][1]["systems"][0]["images"], 8);
  EXPECT_EQ(json["scenarios"][1]["systems"][0]["title"], "copies of the prompt");
  EXPECT_LT(json["scenarios"][1]["systems"][0]["quality"]["value"], 0.5);
}

TEST(Bench, MeasuresTraining) {
  const std::string config = std::string(CIGLI_SOURCE_DIR) + "/configs/shapes-64-tiny.toml";
  const Outcome outcome = cigli({"bench", "--data", fixture().pack, "--scenario", "training", "--system",
                                 "tiny=" + config, "--command", fake("fake", "--batch-size 64 --sleep-ms 1"), "--calls",
                                 "3", "--steps-per-call", "2", "--rounds", "1", "--resamples", "100", "--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Json json = Json::parse(outcome.out);
  const Json& systems = json["scenarios"][0]["systems"];
  EXPECT_GT(systems[0]["loss"], 0);
  EXPECT_GT(systems[1]["ratio_to_first"]["value"], 1);
  EXPECT_TRUE(systems[0]["rank"].is_null());
  EXPECT_TRUE(systems[0]["quality"].is_null());
}

// The checks of the referee on which all else rests.
TEST(BenchTimingSlow, ReadsSleepsMemoryAndStalls) {
  const auto measured = [](const std::string& options) {
    const Outcome outcome = bench({"--command", fake("fake", options), "--scenario", "single-stream", "--calls", "200",
                                   "--rounds", "1", "--quality", "none", "--json"});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return Json::parse(outcome.out)["scenarios"][0]["systems"][0];
  };
  const auto quantile = [](const Json& system, const char* which) {
    return system["latency_seconds"][which]["value"].get<double>();
  };
  const Json plain = measured("--sleep-ms 20"), again = measured("--sleep-ms 20");
  EXPECT_NEAR(quantile(plain, "p50"), 0.020, 0.001);
  EXPECT_NEAR(plain["images_per_second"]["value"].get<double>(), 50, 2.5);
  EXPECT_NEAR(again["images_per_second"]["value"].get<double>() / plain["images_per_second"]["value"].get<double>(), 1,
              0.05);
  EXPECT_NEAR(plain["drift"]["value"].get<double>(), 1, 0.05);

  const Json large = measured("--sleep-ms 5 --load-mb 200");
  EXPECT_NEAR(large["over_baseline_bytes"].get<double>() / 1e6, 200, 10);
  EXPECT_LT(plain["over_baseline_bytes"].get<double>() / 1e6, 10);

  const Json stalls = measured("--sleep-ms 20 --stall-every 100 --stall-ms 200");
  EXPECT_NEAR(quantile(stalls, "p50"), 0.020, 0.001);
  EXPECT_GT(quantile(stalls, "p99"), 0.2);
  EXPECT_LT(quantile(plain, "p99"), 0.05);

  const Json slower = measured("--sleep-ms 10 --slower-from 100");
  EXPECT_GT(slower["drift"]["value"].get<double>(), 1.8);
}

TEST(Bench, WhatASystemDoesWrongFailsTheRun) {
  const fs::path folder = scratch("wrong");
  const auto run = [&](const std::string& options) {
    return bench({"--command", fake("fake", options), "--scenario", "single-stream", "--calls", "4", "--rounds", "1",
                  "--quality", "none", "--timeout", "2", "--out", folder / "bench.json"});
  };
  expect_complaint(run("--short-at 5"), 1, {"fake, call 5", "expected \"done\": 1"});
  expect_complaint(run("--crash-at 4"), 1, {"fake, call 4", "exit code 7", "out of ideas"});
  expect_complaint(run("--hang-at 4"), 1, {"fake, call 4", "does not answer in time"});
  expect_complaint(run("--skip-image-at 4"), 1, {"fake, request", "said that it was done, but"});
  EXPECT_FALSE(fs::exists(folder / "bench.json"));
}

TEST(Bench, RefusesWhatCantBeMeasured) {
  expect_complaint(cigli({"bench"}), 2, {"expected --data DIR, or --kernels"});
  expect_complaint(bench({"--system", "nameless"}), 2, {"--system is 'nameless'", "NAME=MODEL"});
  expect_complaint(bench({"--command", fake("a", ""), "--system", "a=x"}), 2, {"two systems are called 'a'"});
  expect_complaint(bench({"--command", fake("../a", "")}), 2, {"can't name a folder"});
  expect_complaint(bench({"--scenario", "fixed-batch", "--batch-size", "100"}), 1,
                   {"asks for 100 rows", "20 are there"});
  expect_complaint(bench({"--scenario", "training"}), 2, {"needs --system NAME=CONFIG.toml"});
  expect_complaint(bench({"--scenario", "twice"}), 2, {"twice", "single-stream"});
  expect_complaint(bench({"--system", "m=/no/such/model"}), 1, {"m: ", "/no/such/model"});
  expect_complaint(bench({"--out", "/no/such/folder/x.json"}), 1, {"/no/such/folder"});
  // What quality needs is missed before the first call, not after the last.
  const fs::path plain = scratch("plain");
  fs::copy(fixture().data, plain / "data", fs::copy_options::recursive);
  std::string lines;
  for (Json row : fixture().rows) {
    row.erase("program");
    lines += row.dump() + "\n";
  }
  write_text(plain / "data/metadata.jsonl", lines);
  expect_complaint(
      cigli({"bench", "--data", plain / "data", "--quality", "consistency", "--command", fake("fake", "--crash-at 1")}),
      1, {"--quality consistency", "no programs"});
}

// Beside a dataset's prompts lie its targets.
TEST(Bench, SystemsSeeNoTargets) {
  const fs::path log = scratch("seen") / "requests.jsonl";
  const std::string command = "fake=tee -a " + log.string() + " | " + CIGLI_FAKE_WORKER;
  ASSERT_EQ(bench({"--command", command, "--scenario", "single-stream", "--rounds", "1", "--calls", "5"}).code, 0);
  const std::vector<Json> asked = read_lines(log);
  ASSERT_EQ(asked.size(), 8u);
  for (const Json& line : asked) EXPECT_FALSE(contains(line.dump(), fixture().data.string())) << line;
}

TEST(Serve, AnswersAndComplainsLineByLine) {
  const fs::path folder = scratch("serve");
  const Json good{{"generate",
                   {{{"id", "1"},
                     {"text", "add a red circle"},
                     {"image", fixture().prompt(0)},
                     {"seed", 3},
                     {"file", folder / "1.png"}}}}};
  Json bad = good;
  bad["generate"][0]["image"] = folder / "absent.png";
  const Outcome outcome = cigli({"serve", "--model", fixture().model, "--steps", "2"},
                                "nonsense\n" + bad.dump() + "\n{\"train\": {\"steps\": 1}}\n" + good.dump() + "\n");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  std::vector<Json> lines;
  std::istringstream text(outcome.out);
  for (std::string line; std::getline(text, line);) lines.push_back(Json::parse(line));
  ASSERT_EQ(lines.size(), 6u);
  EXPECT_EQ(lines[0]["protocol"], 1);
  EXPECT_EQ(lines[1]["ready"], true);
  EXPECT_EQ(lines[1]["steps"], 2);
  EXPECT_TRUE(contains(lines[2]["error"], "expected one JSON object a line"));
  EXPECT_TRUE(contains(lines[3]["error"], "absent.png"));
  EXPECT_TRUE(contains(lines[4]["error"], "\"generate\""));
  EXPECT_EQ(lines[5]["done"], 1);
  EXPECT_EQ(read_image(folder / "1.png").width, 32);
  Json negative = good;
  negative["generate"][0]["seed"] = -3;
  std::string bytes = good.dump();
  bytes.replace(bytes.find("1.png"), 5, "no\xe9/1.png");
  const Outcome refused =
      cigli({"serve", "--model", fixture().model}, negative.dump() + "\n" + bytes + "\n\xff\n" + good.dump() + "\n");
  EXPECT_EQ(refused.code, 0) << refused.err;
  EXPECT_TRUE(contains(refused.out, R"(\"seed\" must be)"));
  EXPECT_EQ(std::count(refused.out.begin(), refused.out.end(), '\n'), 6);
  EXPECT_TRUE(contains(refused.out, R"({"done":1})"));
  expect_complaint(cigli({"serve", "--train", "x.toml"}), 2, {"--train and --data belong together"});
  expect_complaint(cigli({"serve", "--train", "x.toml", "--data", "d", "--steps", "2"}), 2, {"say nothing of --train"});
  expect_complaint(cigli({"serve", "--train", "x.toml", "--data", "d", "--batch-size", "2"}), 2, {"--batch-size"});
}

}  // namespace
}  // namespace cigli
