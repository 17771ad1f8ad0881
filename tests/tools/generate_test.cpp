#include <gtest/gtest.h>
#include <signal.h>
#include <torch/torch.h>

#include <set>

#include "dataset/image.h"
#include "runtime/npy.h"
#include "tests/tools/command.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

Outcome generate(const fs::path& requests, const fs::path& out, std::vector<std::string> more = {}) {
  std::vector<std::string> words{"generate", "--model", fixture().model, "--requests", requests, "--out", out};
  words.insert(words.end(), more.begin(), more.end());
  return cigli(words);
}

std::string request(const std::string& id, std::size_t row, const std::string& more = "") {
  return R"({"id":")" + id + R"(","text":"the second image is the mirror of the first","image":")" +
         fixture().prompt(row).string() + "\"" + more + "}\n";
}

double mean_difference(const Image& a, const Image& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) sum += std::abs(a.pixels[i] - b.pixels[i]);
  return sum / static_cast<double>(a.pixels.size());
}

TEST(Generate, MakesOneImageWithItsRecord) {
  const fs::path folder = scratch("one"), out = folder / "x.png";
  const std::vector<std::string> words{
      "generate", "--model", fixture().run, "--text", "add a red circle", "--image", fixture().prompt(0),
      "--out",    out,       "--seed",      "7",      "--steps",          "3"};
  const Outcome outcome = cigli(words);
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Image image = read_image(out);
  EXPECT_EQ(image.width, 32);
  EXPECT_EQ(image.height, 32);
  TextChunks chunks = read_png_text(out);
  EXPECT_EQ(chunks["text"], "add a red circle");
  EXPECT_EQ(chunks["seed"], "7");
  EXPECT_EQ(chunks["k"], "0");
  EXPECT_EQ(chunks["model"].size(), 64u);
  EXPECT_EQ(Json::parse(chunks["settings"])["steps"], 3);

  std::vector<std::string> plain = words;
  plain[8] = folder / "y.png";
  plain.push_back("--no-metadata");
  ASSERT_EQ(cigli(plain).code, 0);
  EXPECT_TRUE(read_png_text(folder / "y.png").empty());
  EXPECT_EQ(read_image(folder / "y.png"), image);  // neither the output's name nor the record changes it
}

TEST(Generate, NumbersSeveralImages) {
  const fs::path folder = scratch("several");
  const Outcome outcome = cigli({"generate", "--model", fixture().model, "--text", "mirror it", "--image",
                                 fixture().prompt(0), "--out", folder / "x.png", "--n", "3"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_FALSE(fs::exists(folder / "x.png"));
  EXPECT_FALSE(read_image(folder / "x-0.png") == read_image(folder / "x-2.png"));
}

TEST(Generate, CarriesOutADataset) {
  const fs::path out = scratch("dataset");
  const Outcome outcome = generate(fixture().data / "metadata.jsonl", out, {"--batch-size", "8"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  for (const Json& row : fixture().rows) EXPECT_TRUE(fs::exists(out / (row["id"].get<std::string>() + ".png")));
  const std::vector<Json> results = read_lines(out / "results.jsonl");
  ASSERT_EQ(results.size(), fixture().rows.size());
  for (std::size_t i = 0; i < results.size(); ++i) {
    EXPECT_EQ(results[i]["id"], fixture().rows[i]["id"]);
    EXPECT_EQ(results[i]["text"], fixture().rows[i]["text"]);
    EXPECT_EQ(results[i]["image"], fixture().rows[i]["prompt_file_name"]);
    EXPECT_GT(results[i]["seconds"].get<double>(), 0);
  }
  EXPECT_FALSE(fs::exists(out / "failed.jsonl"));
  EXPECT_GT(read_image(out / "contact.png").width, 200);
  const std::string page = read_text(out / "index.html");
  for (const Json& row : fixture().rows) EXPECT_TRUE(contains(page, row["id"].get<std::string>() + ".png"));

  const Outcome scores =
      cigli({"evaluate", "--generated", out, "--data", fixture().data, "--json", "--out", out / "m.json"});
  ASSERT_EQ(scores.code, 0) << scores.err;
  const Json consistency = Json::parse(scores.out)["consistency"];
  EXPECT_EQ(consistency["n"], 20);
  EXPECT_EQ(consistency["missing"], 0);
  EXPECT_EQ(Json::parse(read_text(out / "m.json"))["consistency"], consistency);
  const auto consistent = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"evaluate", "--generated", out, "--data", fixture().data, "--metrics", "consistency"});
    return cigli(words);
  };
  const Outcome table = consistent({"--split", "test"});
  EXPECT_TRUE(contains(table.out, "unseen combinations")) << table.out;

  fs::remove(out / (fixture().rows[0]["id"].get<std::string>() + ".png"));
  const Outcome fewer = consistent({"--json", "--rows", out / "rows.jsonl"});
  EXPECT_EQ(fewer.code, 3);
  EXPECT_EQ(consistent({"--present-only"}).code, 0);
  EXPECT_EQ(Json::parse(fewer.out)["consistency"]["missing"], 1);
  EXPECT_EQ(Json::parse(fewer.out)["consistency"]["n"], 20);
  const std::vector<Json> verdicts = read_lines(out / "rows.jsonl");
  ASSERT_EQ(verdicts.size(), 20u);
  EXPECT_EQ(verdicts[0], (Json{{"id", fixture().rows[0]["id"]},
                               {"family", fixture().rows[0]["family"]},
                               {"holds", false},
                               {"seen", fixture().rows[0]["seen"]},
                               {"paraphrase_seen", fixture().rows[0]["paraphrase_seen"]},
                               {"reason", "no image"}}));
  EXPECT_TRUE(contains(fewer.err, fixture().rows[0]["id"].get<std::string>())) << fewer.err;
}

TEST(Generate, SelectsBySplitAndLimit) {
  const fs::path out = scratch("split");
  ASSERT_EQ(generate(fixture().data / "metadata.jsonl", out, {"--split", "train", "--limit", "3"}).code, 0);
  const std::vector<Json> results = read_lines(out / "results.jsonl");
  EXPECT_EQ(results.size(), 3u);
  expect_complaint(generate(fixture().data / "metadata.jsonl", out, {"--split", "dev"}), 1,
                   {"metadata.jsonl", "\"dev\""});
}

TEST(Generate, BatchSizeAndOrderHardlyMatter) {
  const fs::path folder = scratch("batches");
  std::string forward, backward;
  for (std::size_t i = 0; i < 6; ++i) {
    forward += request("r" + std::to_string(i), i);
    backward += request("r" + std::to_string(5 - i), 5 - i);
  }
  write_text(folder / "forward.jsonl", forward);
  write_text(folder / "backward.jsonl", backward);
  ASSERT_EQ(generate(folder / "forward.jsonl", folder / "a", {"--batch-size", "6"}).code, 0);
  ASSERT_EQ(generate(folder / "forward.jsonl", folder / "b", {"--batch-size", "6"}).code, 0);
  ASSERT_EQ(generate(folder / "backward.jsonl", folder / "c", {"--batch-size", "4"}).code, 0);
  for (int i = 0; i < 6; ++i) {
    const std::string name = "r" + std::to_string(i) + ".png";
    EXPECT_EQ(read_image(folder / "a" / name), read_image(folder / "b" / name));
    EXPECT_LE(mean_difference(read_image(folder / "a" / name), read_image(folder / "c" / name)), 2);
  }
  EXPECT_GT(mean_difference(read_image(folder / "a/r0.png"), read_image(folder / "a/r1.png")), 2);  // not all alike
}

TEST(Generate, SkipsWhatIsFinished) {
  const fs::path folder = scratch("again"), file = folder / "r.jsonl", out = folder / "out";
  write_text(file, request("a", 0) + request("b", 1, R"(,"n":2)") + request("c", 2, R"(,"seed":9)"));
  ASSERT_EQ(generate(file, out).code, 0);
  const auto made = fs::last_write_time(out / "a.png");
  const std::vector<Json> results = read_lines(out / "results.jsonl");
  ASSERT_EQ(results.size(), 4u);
  EXPECT_EQ(results[2]["file"], "b-1.png");
  EXPECT_EQ(results[3]["seed"], 9);

  fs::remove(out / "b-0.png");
  fs::resize_file(out / "c.png", 40);  // damaged: made again
  const Outcome again = generate(file, out);
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_TRUE(contains(again.out, "2 images made, 2 were there already")) << again.out;
  EXPECT_EQ(fs::last_write_time(out / "a.png"), made);
  EXPECT_EQ(read_lines(out / "results.jsonl")[0], results[0]);
  EXPECT_EQ(read_image(out / "c.png").width, 32);

  const Outcome other = generate(file, out, {"--steps", "1"});
  EXPECT_TRUE(contains(other.out, "4 images made")) << other.out;
  const Outcome seeded = generate(file, out, {"--steps", "1", "--seed", "3"});
  EXPECT_TRUE(contains(seeded.out, "3 images made, 1 were there already")) << seeded.out;  // c has its own seed
}

TEST(Generate, MakesAnImageAnewWhenItsPromptHasChanged) {
  const fs::path folder = scratch("changed"), file = folder / "r.jsonl", out = folder / "out";
  write_text(file, R"({"id":"a","text":"mirror it","image":"p.png"})");
  for (const bool metadata : {true, false}) {
    const std::vector<std::string> more(metadata ? 0 : 1, "--no-metadata");
    for (const std::size_t row : {0, 1}) {
      fs::copy_file(fixture().prompt(row), folder / "p.png", fs::copy_options::overwrite_existing);
      const Outcome made = generate(file, out, more);
      EXPECT_TRUE(contains(made.out, "1 images made, 0 were there already")) << made.out;
      const Outcome again = generate(file, out, more);
      EXPECT_TRUE(contains(again.out, "0 images made, 1 were there already")) << again.out;
    }
  }
}

TEST(Generate, ASignalKeepsWhatIsFinished) {
  const fs::path folder = scratch("signal"), file = folder / "r.jsonl", out = folder / "out";
  write_text(file, request("a", 0, R"(,"n":120)"));
  const std::string command = "\"$cigli\" generate --model '" + fixture().model.string() + "' --requests '" +
                              file.string() + "' --out '" + out.string() + "' --batch-size 2";
  const Outcome stopped = shell(command + " & until [ -s '" + (out / "results.jsonl").string() +
                                "' ]; do sleep 0.05; done; kill -TERM $!; wait $!");
  expect_complaint(stopped, 128 + SIGTERM, {"interrupted with", "images to go"});
  const std::size_t made = read_lines(out / "results.jsonl").size();
  ASSERT_GT(made, 0u);
  ASSERT_LT(made, 120u);
  const Outcome rest = shell(command);
  EXPECT_EQ(rest.code, 0) << rest.err;
  EXPECT_TRUE(contains(rest.out, std::to_string(120 - made) + " images made, " + std::to_string(made) + " were there"))
      << rest.out;
}

TEST(Generate, ARunFolderWithADamagedCheckpointStillHasItsModel) {
  const fs::path folder = scratch("damaged"), run = folder / "run";
  fs::copy(fixture().run, run, fs::copy_options::recursive);
  write_text(run / "checkpoints" / "step-00000009.safetensors", "cut short");
  const Outcome made = cigli(
      {"generate", "--model", run, "--text", "mirror it", "--image", fixture().prompt(0), "--out", folder / "x.png"});
  EXPECT_EQ(made.code, 0) << made.err;
  EXPECT_TRUE(contains(made.err, "step-00000009.safetensors")) << made.err;
}

TEST(Generate, WithoutMetadataResultsTellWhatIsFinished) {
  const fs::path folder = scratch("bare"), file = folder / "r.jsonl", out = folder / "out";
  write_text(file, request("a", 0));
  ASSERT_EQ(generate(file, out, {"--no-metadata"}).code, 0);
  EXPECT_TRUE(contains(generate(file, out, {"--no-metadata"}).out, "0 images made"));
  EXPECT_TRUE(contains(generate(file, out, {"--no-metadata", "--seed", "1"}).out, "1 images made"));
}

TEST(Generate, TakesNoForeignImageForItsOwn) {
  const fs::path folder = scratch("foreign"), file = folder / "r.jsonl", out = folder / "out";
  write_text(file, request("a", 0));
  fs::create_directories(out);
  fs::copy_file(fixture().prompt(1), out / "a.png");
  const Outcome made = generate(file, out, {"--no-metadata"});
  EXPECT_TRUE(contains(made.out, "1 images made, 0 were there already")) << made.out;
  EXPECT_FALSE(read_image(out / "a.png") == read_image(fixture().prompt(1)));
}

TEST(Generate, SeveralRunsIntoOneFolderKeepTheirRecords) {
  const fs::path folder = scratch("several"), out = folder / "out";
  write_text(folder / "one.jsonl", request("a", 0) + request("b", 1));
  write_text(folder / "two.jsonl", request("c", 2));
  ASSERT_EQ(generate(folder / "one.jsonl", out, {"--no-metadata"}).code, 0);
  // A kill in the middle of a line.
  write_text(out / "results.jsonl", read_text(out / "results.jsonl") + R"({"id":"lost","file":)");
  ASSERT_EQ(generate(folder / "two.jsonl", out, {"--no-metadata"}).code, 0);
  const std::vector<Json> results = read_lines(out / "results.jsonl");
  ASSERT_EQ(results.size(), 3u);
  EXPECT_EQ(results[0]["id"], "a");
  EXPECT_EQ(results[2]["id"], "c");
  const Outcome again = generate(folder / "one.jsonl", out, {"--no-metadata"});
  EXPECT_TRUE(contains(again.out, "0 images made, 2 were there already")) << again.out;
  EXPECT_EQ(read_lines(out / "results.jsonl").size(), 3u);
}

TEST(Generate, SwapsTextsAndPrompts) {
  const fs::path folder = scratch("swap");
  std::vector<std::vector<Json>> results;
  for (const char* swap : {"text", "image"}) {
    ASSERT_EQ(generate(fixture().data / "metadata.jsonl", folder / swap, {"--swap", swap, "--seed", "4"}).code, 0);
    results.push_back(read_lines(folder / swap / "results.jsonl"));
  }
  std::multiset<std::string> texts, swapped;
  for (std::size_t i = 0; i < fixture().rows.size(); ++i) {
    const Json& row = fixture().rows[i];
    EXPECT_NE(results[0][i]["text"], row["text"]);
    EXPECT_EQ(results[0][i]["image"], row["prompt_file_name"]);
    EXPECT_EQ(results[1][i]["text"], row["text"]);
    EXPECT_NE(results[1][i]["image"], row["prompt_file_name"]);
    EXPECT_EQ(results[0][i]["settings"]["swap"], "text");
    texts.insert(row["text"].get<std::string>());
    swapped.insert(results[0][i]["text"].get<std::string>());
  }
  EXPECT_EQ(texts, swapped);
  write_text(folder / "one.jsonl", request("a", 0));
  expect_complaint(generate(folder / "one.jsonl", folder / "one", {"--swap", "text"}), 1, {"at least two"});
}

TEST(Generate, WarnsWhereASwapChangesNothing) {
  const fs::path folder = scratch("equal"), file = folder / "r.jsonl";
  write_text(file, request("a", 0) + request("b", 1) + request("c", 2));
  const Outcome swapped = generate(file, folder / "out", {"--swap", "text"});
  EXPECT_EQ(swapped.code, 0) << swapped.err;
  EXPECT_TRUE(contains(swapped.err, "warning: --swap text: 3 of 3 requests")) << swapped.err;
}

TEST(Generate, ReadsCsvAndPromptsOfAnyShape) {
  const fs::path folder = scratch("csv");
  write_png(folder / "wide.png", Image(90, 30, 200));
  write_text(folder / "r.csv", "id,text,image,n\na,\"left, right\",wide.png,\nb,mirror it,wide.png,2\n");
  const Outcome outcome = generate(folder / "r.csv", folder / "out");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(read_image(folder / "out/a.png").width, 32);
  EXPECT_TRUE(fs::exists(folder / "out/b-1.png"));
}

TEST(Generate, WarnsOfTextsThatTheModelMayNotUnderstand) {
  const fs::path folder = scratch("warn");
  std::string longer = "mirror";
  for (int i = 0; i < 70; ++i) longer += " it";
  write_text(folder / "r.jsonl", R"({"id":"a","text":"zxqv wvut qwzx","image":")" + fixture().prompt(0).string() +
                                     "\"}\n" + R"({"id":"b","text":")" + longer + R"(","image":")" +
                                     fixture().prompt(0).string() + "\"}\n");
  const Outcome outcome = generate(folder / "r.jsonl", folder / "out");
  EXPECT_EQ(outcome.code, 0);
  EXPECT_TRUE(contains(outcome.err, "warning: " + (folder / "r.jsonl").string() + ":1: ")) << outcome.err;
  EXPECT_TRUE(contains(outcome.err, "r.jsonl:2: the text has")) << outcome.err;
}

TEST(Inspect, TellsWhatIsInAFile) {
  const fs::path folder = scratch("inspect");
  const auto inspect = [](const fs::path& file) {
    const Outcome outcome = cigli({"inspect", file, "--json"});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return outcome.code == 0 ? Json::parse(outcome.out) : Json();
  };
  const Json model = inspect(fixture().model);
  EXPECT_EQ(model["kind"], "model");
  EXPECT_GT(model["weights"], 1000);
  EXPECT_EQ(model["metadata"]["cigli.options"]["height"], 32);
  Json checkpoint;
  for (const auto& entry : fs::directory_iterator(fixture().run / "checkpoints")) checkpoint = inspect(entry.path());
  EXPECT_EQ(checkpoint["kind"], "checkpoint");
  EXPECT_EQ(checkpoint["weights"], model["weights"]);
  EXPECT_EQ(inspect(fs::path(CIGLI_SOURCE_DIR) / "models/shapes-64-scorer.safetensors")["kind"], "scorer");
  write_npz(folder / "statistics.npz", {{"mu", torch::zeros({3})}, {"sigma", torch::eye(3)}, {"n", torch::tensor(7)}});
  const Json statistics = inspect(folder / "statistics.npz");
  EXPECT_EQ(statistics["kind"], "statistics");
  EXPECT_EQ(statistics["n"], 7);
  EXPECT_EQ(statistics["arrays"]["sigma"]["shape"], Json({3, 3}));
  write_npy(folder / "rows.npy", torch::zeros({5, 2}));
  EXPECT_EQ(inspect(folder / "rows.npy")["arrays"]["rows"]["shape"], Json({5, 2}));
  const Json pack = inspect(fixture().pack);
  EXPECT_EQ(pack["pairs"], 20);
  EXPECT_EQ(pack["splits"]["train"], 16);
  ASSERT_EQ(cigli({"generate", "--model", fixture().model, "--text", "mirror it", "--image", fixture().prompt(0),
                   "--out", folder / "x.png"})
                .code,
            0);
  const Json png = inspect(folder / "x.png");
  EXPECT_EQ(png["text"]["text"], "mirror it");
  EXPECT_EQ(png["text"]["model"], model["sha256"]);
  const Outcome table = cigli({"inspect", fixture().model});
  EXPECT_TRUE(contains(table.out, "kind: model")) << table.out;
}

TEST(Tokenize, TakesTheModelsTokenizer) {
  const Outcome ids =
      cigli({"tokenize", "--model", fixture().run}, fixture().rows[0]["text"].get<std::string>() + "\n");
  ASSERT_EQ(ids.code, 0) << ids.err;
  EXPECT_GT(Json::parse(ids.out).size(), 3u);
}

}  // namespace
}  // namespace cigli
