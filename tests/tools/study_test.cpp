#include <gtest/gtest.h>

#include <map>
#include <opencv2/imgcodecs.hpp>
#include <set>

#include "tests/tools/answered_folders.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using Words = std::vector<std::string>;

// `study export` of copies (the system "plain") and other rows' targets (the system "mixed").
struct StudyPaths {
  fs::path packet, key;
};

Outcome export_to(const StudyPaths& to, const Words& more = {}, const fs::path& mixed = answers().others) {
  Words words{"study",
              "export",
              "--system",
              "plain=" + answers().copies.string(),
              "--system",
              "mixed=" + mixed.string(),
              "--data",
              answers().data,
              "--out",
              to.packet,
              "--key",
              to.key,
              "--items",
              "12",
              "--raters",
              "4",
              "--items-per-rater",
              "6"};
  words.insert(words.end(), more.begin(), more.end());
  return cigli(words);
}

StudyPaths exported(const Words& more = {}) {
  const fs::path folder = scratch("study");
  const StudyPaths to{folder / "packet", folder / "key.json"};
  const Outcome outcome = export_to(to, more);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  return to;
}

Json study_of(const StudyPaths& paths) {
  const std::string text = read_text(paths.packet / "data.js");
  return Json::parse(text.substr(std::string("window.STUDY = ").size(), text.rfind(';') - 15));
}

Outcome checked(const StudyPaths& paths, bool with_key = true) {
  Words words{"study", "check", paths.packet};
  if (with_key) words.insert(words.end(), {"--key", paths.key});
  return cigli(words);
}

TEST(StudyPacket, IsBlindAndBalanced) {
  const StudyPaths paths = exported();
  for (const bool with_key : {false, true}) {
    const Outcome outcome = checked(paths, with_key);
    EXPECT_EQ(outcome.code, 0) << outcome.out << outcome.err;
    EXPECT_TRUE(contains(outcome.out, "8 lists")) << outcome.out;
    EXPECT_TRUE(contains(outcome.out, "blind and balanced")) << outcome.out;
  }
  const Json study = study_of(paths), key = Json::parse(read_text(paths.key));
  EXPECT_EQ(study["packet"], key["packet"]);
  EXPECT_EQ(study["lists"].size(), 8u);
  EXPECT_EQ(study["lists"][0].size(), 9u);  // six, an attention check, an obvious pair, a repeat
  EXPECT_EQ(std::set<std::string>(study["codes"].begin(), study["codes"].end()).size(), 8u);
  for (const char* word : {"plain", "mixed", "attention\"", "catch", "judged", "sha256"})
    EXPECT_FALSE(contains(study["trials"].dump() + study["lists"].dump(), word)) << word;
  for (const auto& entry : fs::directory_iterator(paths.packet))
    EXPECT_TRUE((std::set<std::string>{"index.html", "data.js", "img"}.count(entry.path().filename().string())));
}

TEST(StudyPacket, LeadsBackToEachImage) {
  const StudyPaths paths = exported();
  const Json study = study_of(paths), key = Json::parse(read_text(paths.key));
  const std::map<std::string, fs::path> folders{{"plain", answers().copies}, {"mixed", answers().others}};
  std::map<std::string, Json> rows;
  for (const Json& row : answers().rows) rows[row["id"]] = row;
  std::size_t judged = 0;
  for (std::size_t i = 0; i < study["trials"].size(); ++i) {
    const Json &trial = study["trials"][i], &of = key["trials"][i];
    const Json& row = rows.at(of["item"]);
    EXPECT_EQ(trial["sentence"], row["text"]);
    const auto pixels = [](const fs::path& file) { return cv::imread(file.string()); };
    const auto equal = [&](const fs::path& a, const fs::path& b) { return cv::norm(pixels(a), pixels(b)) == 0; };
    EXPECT_TRUE(equal(paths.packet / trial["prompt"], answers().data / row["prompt_file_name"]));
    if (of["kind"] != "judged") continue;
    ++judged;
    for (std::size_t side = 0; side < 2; ++side) {
      const Json& image = key["images"][trial["images"][side].get<std::string>()];
      EXPECT_EQ(image["system"], of["systems"][side]);
      EXPECT_EQ(image["item"], of["item"]);
      EXPECT_EQ(fs::path(image["file"]).parent_path(), folders.at(image["system"]));
      EXPECT_TRUE(equal(paths.packet / trial["images"][side], fs::path(image["file"])));
    }
  }
  EXPECT_EQ(judged, 24u);  // each of twelve items either way round
}

TEST(StudyPacket, DependsOnTheSeedAlone) {
  const StudyPaths once = exported(), again = exported(), other = exported({"--seed", "1"});
  EXPECT_EQ(read_text(once.packet / "data.js"), read_text(again.packet / "data.js"));
  EXPECT_NE(study_of(once)["packet"], study_of(other)["packet"]);
  expect_complaint(cigli({"study", "check", once.packet, "--key", other.key}), 1, {"the key is of packet"});
}

TEST(StudyPacket, OtherModesShowOneImage) {
  for (const std::string mode : {"single", "real"}) {
    SCOPED_TRACE(mode);
    const StudyPaths paths = exported({"--mode", mode});
    EXPECT_EQ(checked(paths).code, 0) << checked(paths).out;
    const Json study = study_of(paths), key = Json::parse(read_text(paths.key));
    EXPECT_EQ(key["comparisons"].size(), mode == "real" ? 3u : 2u);
    for (const Json& trial : study["trials"]) EXPECT_EQ(trial["images"].size(), 1u);
  }
}

TEST(StudyPacket, HasAblationsAndABaseline) {
  const StudyPaths paths = exported({"--ablation", "plain:text=" + answers().targets.string(), "--design",
                                     "against-baseline", "--baseline", "plain"});
  const Json key = Json::parse(read_text(paths.key));
  EXPECT_EQ(key["comparisons"].dump(), R"([["plain","mixed"],["plain","plain:text"]])");
  EXPECT_EQ(key["systems"][2]["swapped"], "text");
  EXPECT_EQ(checked(paths).code, 0) << checked(paths).out;
}

TEST(StudyPacket, LeaksAreFound) {
  const auto finds = [](const StudyPaths& paths, const Words& parts) {
    const Outcome outcome = checked(paths);
    EXPECT_EQ(outcome.code, 1);
    for (const std::string& part : parts) EXPECT_TRUE(contains(outcome.out, part)) << outcome.out << " lacks " << part;
  };
  StudyPaths paths = exported();
  write_text(paths.packet / "plain-notes.txt", "x");
  finds(paths, {"leak: plain-notes.txt: no part of the study"});

  paths = exported();
  const std::string image = study_of(paths)["trials"][0]["images"][0];
  const std::string bytes = read_text(paths.packet / image), text = std::string("\0\0\0\4tEXta\0b", 11) + "c....";
  write_text(paths.packet / image, bytes.substr(0, 33) + text + bytes.substr(33));
  finds(paths, {image + ": has tEXt beside its pixels"});

  paths = exported();
  cv::imwrite((paths.packet / image).string(), cv::Mat(8, 9, CV_8UC3, cv::Scalar::all(3)));
  finds(paths, {"its images are of two sizes or kinds"});

  paths = exported();
  std::string data = read_text(paths.packet / "data.js");
  const std::size_t at = data.find("\"title\":\"");
  ASSERT_NE(at, std::string::npos);
  data.insert(at + 9, "Plain or mixed? ");
  write_text(paths.packet / "data.js", data);
  finds(paths, {"\"plain\", a system's name", "changed since it was written"});

  paths = exported();
  Json study = study_of(paths);
  study["lists"][0] = study["lists"][1];
  write_text(paths.packet / "data.js", "window.STUDY = " + study.dump() + ";\n");
  finds(paths, {"imbalance: ", "changed since it was written"});

  paths = exported();
  fs::remove(paths.packet / image);
  write_text(paths.packet / "index.html", "<p>");
  finds(paths, {image, "index.html: not the page"});
}

// The wording with `by` wherever it had `what`, as a file.
fs::path changed_wording(const std::string& what, const std::string& by) {
  std::string text = cigli({"study", "text"}).out;
  EXPECT_TRUE(contains(text, what)) << what;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
  const fs::path file = scratch("study") / "wording.toml";
  write_text(file, text);
  return file;
}

TEST(StudyPacket, NamesThatSayNothingToRatersAreNoLeaks) {
  // A trial's number, members of data.js, ends of files, words of what the program says by itself.
  for (const Words& names : {Words{"8", "packet", "trials"}, Words{"png", "copy", "along"}}) {
    Words words{"--mode", "single", "--text", changed_wording("label = \"Yes\"", "label = \"Ja\"")};
    for (const std::string& name : names)
      words.insert(words.end(), {"--system", name + "=" + answers().targets.string()});
    const StudyPaths paths = exported(words);
    EXPECT_GT(study_of(paths)["trials"].size(), 8u);
    EXPECT_EQ(checked(paths).code, 0) << checked(paths).out;
  }
}

TEST(StudyPacket, NamesInChangedWordingAreLeaks) {
  const auto finds = [](const std::string& name, const std::string& what, const std::string& by) {
    const StudyPaths paths =
        exported({"--system", name + "=" + answers().targets.string(), "--text", changed_wording(what, by)});
    const Outcome outcome = checked(paths);
    EXPECT_EQ(outcome.code, 1);
    EXPECT_TRUE(contains(outcome.out, "has \"" + name + "\", a system's name")) << outcome.out;
  };
  finds("copy", "title = \"Judging images\"", "title = \"Copy or not?\"");
  finds("copy", "All in all, which image", "Leave the copy aside: which image");
  finds("steps8", "label = \"Left\"", "label = \"Steps8\"");
}

TEST(StudyPacket, AKeyThatSaysOtherwiseIsFound) {
  const StudyPaths paths = exported();
  const Json whole = Json::parse(read_text(paths.key));
  Json key = whole;
  for (Json& trial : key["trials"])
    if (trial["kind"] == "judged")
      for (const char* both : {"systems", "images"}) std::swap(trial[both][0], trial[both][1]);
  write_text(paths.key, key.dump());
  EXPECT_TRUE(contains(checked(paths).out, "is not what the packet shows")) << checked(paths).out;
  key = whole;
  std::swap(key["lists"][0], key["lists"][1]);
  std::swap(key["repeats"][0], key["repeats"][1]);
  write_text(paths.key, key.dump());
  EXPECT_EQ(checked(paths).code, 1);
  EXPECT_TRUE(contains(checked(paths).out, "its lists are not the packet's")) << checked(paths).out;
}

// Attention checks show either system left: their instruction would else tell whose an image is.
TEST(StudyPacket, AttentionChecksHaveNoSide) {
  const StudyPaths paths = exported({"--attention", "1"});
  const Json key = Json::parse(read_text(paths.key));
  std::map<std::string, int> left;
  for (const Json& trial : key["trials"])
    if (trial["kind"] == "attention") ++left[key["images"][trial["images"][0].get<std::string>()]["system"]];
  EXPECT_GE(left["plain"], 10) << key["trials"].size();
  EXPECT_GE(left["mixed"], 10);
}

TEST(StudyPacket, HasExamplesOfOtherRows) {
  const StudyPaths paths = exported();
  const Json study = study_of(paths), key = Json::parse(read_text(paths.key));
  ASSERT_EQ(study["examples"].size(), 2u);
  for (const Json& example : study["examples"]) {
    const Json& image = key["images"][example["images"][0].get<std::string>()];
    for (const Json& item : key["items"]) EXPECT_NE(item["id"], image["item"]);
    EXPECT_EQ(example["images"].size(), 2u);
    EXPECT_FALSE(image.contains("system"));
  }
  EXPECT_NE(study["examples"][0]["instruction"], study["examples"][1]["instruction"]);
  const fs::path folder = scratch("study");
  const Outcome few = export_to({folder / "packet", folder / "key.json"}, {"--items", "22", "--examples", "3"});
  EXPECT_EQ(few.code, 0) << few.err;
  expect_warning(few, {"1 of 3 examples"});
}

TEST(StudyPacket, RowsThatCannotBeShownAreNamed) {
  const fs::path some = copy_of(answers().others), folder = scratch("study");
  fs::remove(some / (answers().id(2) + ".png"));
  damage(some / (answers().id(5) + ".png"));
  const StudyPaths to{folder / "packet", folder / "key.json"};
  const Outcome outcome = export_to(to, {"--items", "22"}, some);
  EXPECT_EQ(outcome.code, 3) << outcome.err;
  expect_warning(outcome, {some.string() + " answers 23 of 24 rows"});
  expect_warning(outcome, {"metadata.jsonl:6", answers().id(5)});
  const StudyPaths next{folder / "next", folder / "next.json"};
  expect_complaint(export_to(next, {"--items", "22", "--strict"}, some), 1, {"answers 23 of 24", "--strict"});
  const Outcome many = export_to(next, {"--items", "24"}, some);
  EXPECT_EQ(many.code, 1);
  EXPECT_TRUE(contains(many.err, "22 rows can be shown, --items asks for 24")) << many.err;
  EXPECT_FALSE(fs::exists(next.packet) || fs::exists(next.key) || fs::exists(folder / "next.unfinished"));
}

TEST(StudyPacket, BadInputGetsOneLine) {
  const StudyPaths paths = exported();
  const fs::path folder = scratch("study");
  expect_complaint(export_to({paths.packet, folder / "k.json"}), 1, {"packet: is there already"});
  expect_complaint(export_to({folder / "p", paths.key}), 1, {"key.json: is there already"});
  expect_complaint(export_to({folder / "p", folder / "p" / "key.json"}), 2, {"lies in the packet"});
  const auto refuses = [&](const Words& more, int code, const Words& parts) {
    expect_complaint(export_to({folder / "p", folder / "k.json"}, more), code, parts);
    EXPECT_FALSE(fs::exists(folder / "p") || fs::exists(folder / "k.json"));
  };
  refuses({"--system", "third"}, 2, {"expected NAME=FOLDER"});
  refuses({"--system", "plain=" + answers().targets.string()}, 2, {"two systems are named plain"});
  refuses({"--system", "x=" + (folder / "none").string()}, 1, {"none: no such folder"});
  refuses({"--ablation", "other:text=" + answers().targets.string()}, 2, {"NAME:text=FOLDER"});
  refuses({"--baseline", "plain"}, 2, {"--baseline", "against-baseline"});
  refuses({"--mode", "single", "--design", "against-baseline", "--baseline", "plain"}, 2, {"--baseline is of pairs"});
  refuses({"--design", "against-baseline", "--baseline", "x"}, 2, {"--baseline x is no --system"});
  write_text(folder / "t.toml", "language = \"de\"\n[texts]\ntitle = 3\n");
  refuses({"--text", folder / "t.toml"}, 1, {"t.toml:3: title is no text in quotes"});
  write_text(folder / "t.toml", "language = \"de\"\n[texts]\ntitle = \"Studie\"\n");
  refuses({"--text", folder / "t.toml"}, 1, {"t.toml:2: no text '"});
  expect_complaint(cigli({"study", "check", folder}), 1, {"data.js"});
}

TEST(StudyText, CanBeChanged) {
  const fs::path folder = scratch("study");
  std::string text = cigli({"study", "text"}).out;
  const std::size_t at = text.find("\ntitle = \"");
  ASSERT_NE(at, std::string::npos);
  text.insert(at + 10, "Bilder: ");
  write_text(folder / "mine.toml", text);
  const StudyPaths paths = exported({"--text", folder / "mine.toml"});
  EXPECT_EQ(study_of(paths)["texts"]["title"].get<std::string>().rfind("Bilder: ", 0), 0u);
  EXPECT_EQ(checked(paths).code, 0) << checked(paths).out;
}

TEST(StudyText, ThatCouldNotBeScoredIsRefused) {
  const fs::path folder = scratch("study");
  const std::string own = cigli({"study", "text"}).out;
  const auto refuses = [&](const std::string& what, const std::string& by, const char* reason) {
    std::string text = own;
    const std::size_t at = text.rfind(what);
    ASSERT_NE(at, std::string::npos) << what;
    write_text(folder / "t.toml", text.replace(at, what.size(), by));
    expect_complaint(export_to({folder / "p", folder / "k.json"}, {"--mode", "single", "--text", folder / "t.toml"}), 1,
                     {"t.toml:", reason});
  };
  refuses("{key = \"0\", label = \"No\"}", "{key = \"nan\", label = \"No\"}", "answer 'nan' is no number");
  refuses("{key = \"0\", label = \"No\"}", "{key = \"0x0\", label = \"No\"}", "answer '0x0' is no number");
  refuses("{key = \"0\", label = \"No\"}", "{key = \"0.50\", label = \"No\"}", "from the least to the most");
  refuses("{key = \"0\", label = \"No\"}", "{key = \"-1\", label = \"No\"}", "has other answers than 'consistency'");
  refuses("label = \"Partly\"", "label = \"Yes\"", "label is empty or stands twice");
  refuses("label = \"Yes\"", "label = \"Ja\"", "question 'quality' has \"Ja\" for 1 where 'consistency' has \"Yes\"");
  refuses("label = \"Left\"", "label = \"A\"", "question 'overall' has \"A\" for left where 'text' has \"Left\"");
  refuses("“{answer}” for every question here", "the answer", "attention has no {answer}");
}

TEST(StudyPlanCommand, SaysHowManyItTakes) {
  const std::map<std::string, int> votes{{".55", 783}, {".60", 194}, {".65", 85}, {".70", 47}};
  for (const auto& [rate, expected] : votes) {
    const Outcome outcome =
        cigli({"study", "plan", "--win-rate", rate, "--raters", "5", "--icc", "0.2", "--ties", "0", "--json"});
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    const Json plan = Json::parse(outcome.out);
    EXPECT_EQ(plan["votes"], expected) << rate;
    EXPECT_NEAR(plan["design_effect"].get<double>(), 1.8, 1e-12);
    EXPECT_GE(plan["judgements"].get<double>(), 1.8 * expected);
    EXPECT_EQ(plan["judgements"], 5 * plan["items"].get<int>());
  }
  const Outcome table = cigli({"study", "plan", "--pay", "12"});
  for (const char* word : {"85", "items", "judgements", "lists", "minutes", "cost"})
    EXPECT_TRUE(contains(table.out, word)) << table.out;
  EXPECT_EQ(cigli({"study", "plan", "--win-rate", ".5"}).code, 2);
}

}  // namespace
}  // namespace cigli
