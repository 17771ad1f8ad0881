#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <functional>

#include "dataset/image.h"
#include "tests/tools/command.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

// A PNG header that promises 60,000 x 60,000 pixels (the checksum is right).
const std::string huge_png(
    "\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\xea\x60\0\0\xea\x60\x08\x02\0\0\0\x0f\xb0\xe2\x15\0\0\0\0IEND\xae\x42\x60\x82",
    45);

std::string little_endian(std::uint64_t value) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(value >> (8 * i));
  return bytes;
}

std::string safetensors(const std::string& header, std::size_t data) {
  return little_endian(header.size()) + header + std::string(data, '\0');
}

// The first row under another id, changed.
std::string row_with(const std::string& id, const std::function<void(Json&)>& change) {
  Json row = fixture().rows[0];
  row["id"] = id;
  change(row);
  return row.dump();
}

struct BadRow {
  std::string line, part;  // what the complaint must say of it
};

// Rows that no command may take for good; their images lie beside the dataset's own.
std::vector<BadRow> bad_rows(const fs::path& folder) {
  const std::string whole = read_text(fixture().prompt(0));
  write_text(folder / "empty.png", "");
  write_text(folder / "cut.png", whole.substr(0, whole.size() / 2));
  write_text(folder / "huge.png", huge_png);
  const auto image = [](const std::string& name) {
    return row_with("image " + std::to_string(name.size()), [&](Json& row) { row["prompt_file_name"] = name; });
  };
  std::string latin1 = row_with("latin1", [](Json& row) { row["text"] = "caf?"; });
  latin1.replace(latin1.find("caf?"), 4, "caf\xe9");
  return {{image("nowhere.png"), "nowhere.png"},
          {image("empty.png"), "empty.png"},
          {image("cut.png"), "cut.png"},
          {image("huge.png"), "60000"},
          {image("../data/secret.png"), ".."},
          {latin1, "UTF-8"},
          {row_with("silent", [](Json& row) { row["text"] = ""; }), "empty"},
          {"{\"id\": \"x\", ", "malformed"},
          {row_with("", [](Json& row) { row.erase("id"); }), "\"id\""},
          {fixture().rows[0].dump(), "duplicate"}};
}

// The dataset's rows followed by bad ones.
std::string rows_and(const std::vector<BadRow>& bad) {
  std::string text = read_text(fixture().data / "metadata.jsonl");
  for (const BadRow& row : bad) text += row.line + "\n";
  return text;
}

// Every bad row must be complained of once, by file and line.
void expect_each_named(const Outcome& outcome, const std::vector<BadRow>& bad) {
  for (std::size_t i = 0; i < bad.size(); ++i) {
    const std::string where = "metadata.jsonl:" + std::to_string(fixture().rows.size() + i + 1) + ": ";
    const std::size_t at = outcome.err.find(where);
    ASSERT_NE(at, std::string::npos) << outcome.err << " lacks " << where;
    EXPECT_NE(outcome.err.substr(at, outcome.err.find('\n', at) - at).find(bad[i].part), std::string::npos)
        << outcome.err << " should say " << bad[i].part << " of line " << i;
    EXPECT_EQ(outcome.err.find(where, at + 1), std::string::npos);
  }
}

// A dataset folder whose images are the fixture's.
fs::path copy_of_data(const std::string& name) {
  const fs::path folder = scratch(name);
  fs::copy(fixture().data, folder, fs::copy_options::recursive);
  return folder;
}

TEST(BadInput, ABadRowFailsThePackAndLeavesTheOldOne) {
  const fs::path folder = copy_of_data("pack"), pack = folder / "old.pack";
  const std::vector<BadRow> bad = bad_rows(folder);
  write_text(folder / "metadata.jsonl", rows_and(bad));
  write_text(pack, "old");
  const std::vector<std::string> words{"data", "pack", "--data", folder, "--out", pack, "--size", "32"};
  expect_complaint(cigli(words), 1, {"metadata.jsonl:"});
  EXPECT_EQ(read_text(pack), "old");

  std::vector<std::string> skipping = words;
  skipping.push_back("--skip-bad");
  const Outcome skipped = cigli(skipping);
  EXPECT_EQ(skipped.code, 3);
  expect_each_named(skipped, bad);
  EXPECT_GT(fs::file_size(pack), 1000u);
}

TEST(BadInput, BadRequestsFailAloneAndTheRestGoesOn) {
  const fs::path folder = copy_of_data("requests"), out = folder / "out";
  std::vector<BadRow> bad = bad_rows(folder);
  std::string endless;
  for (int i = 0; i < 5000; ++i) endless += "circle ";
  bad.push_back({row_with("endless", [&](Json& row) { row["text"] = endless; }), "tokens, expected at most 64"});
  std::string long_id = "a";
  for (int i = 0; i < 150; ++i) long_id += "ü";  // its quotation must not be cut within a character
  bad.push_back({row_with("long", [&](Json& row) { row["id"] = long_id; }), "is no safe file name"});
  write_text(folder / "metadata.jsonl", rows_and(bad));
  const Outcome outcome =
      cigli({"generate", "--model", fixture().model, "--requests", folder / "metadata.jsonl", "--out", out});
  EXPECT_EQ(outcome.code, 3);
  expect_each_named(outcome, bad);
  const std::vector<Json> failed = read_lines(out / "failed.jsonl");
  ASSERT_EQ(failed.size(), bad.size());
  for (std::size_t i = 0; i < failed.size(); ++i) EXPECT_EQ(failed[i]["line"], fixture().rows.size() + i + 1);
  EXPECT_EQ(read_lines(out / "results.jsonl").size(), fixture().rows.size());
}

TEST(BadInput, ASingleBadRequestIsOneLine) {
  const fs::path folder = scratch("one");
  write_text(folder / "r.jsonl", R"({"id":"a","text":"mirror it","image":"nowhere.png"})");
  const Outcome outcome =
      cigli({"generate", "--model", fixture().model, "--requests", folder / "r.jsonl", "--out", folder / "out"});
  expect_complaint(outcome, 3, {"r.jsonl:1: ", "nowhere.png"});
}

TEST(BadInput, ASingleRequestNamesItsImage) {
  const fs::path folder = scratch("single"), out = folder / "x.png";
  write_text(out, "old");
  write_text(folder / "empty.png", "");
  write_text(folder / "huge.png", huge_png);
  const std::string text = fixture().rows[0]["text"];
  for (const char* name : {"nowhere.png", "empty.png", "huge.png"}) {
    const Outcome outcome =
        cigli({"generate", "--model", fixture().model, "--text", text, "--image", folder / name, "--out", out});
    expect_complaint(outcome, 1, {name});
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    EXPECT_EQ(read_text(out), "old");
  }
  expect_complaint(
      cigli({"generate", "--model", fixture().model, "--text", "b\xff", "--image", fixture().prompt(0), "--out", out}),
      2, {"UTF-8"});
  expect_complaint(
      cigli({"generate", "--model", fixture().model, "--text", "", "--image", fixture().prompt(0), "--out", out}), 2,
      {"--text", "not empty"});
}

TEST(BadInput, RequestFilesThatAreNone) {
  const fs::path folder = scratch("files");
  write_text(folder / "empty.jsonl", "");
  write_text(folder / "head.csv", "a,b\n");
  for (const char* name : {"none.jsonl", "empty.jsonl", "head.csv"})
    expect_complaint(
        cigli({"generate", "--model", fixture().model, "--requests", folder / name, "--out", folder / "out"}), 1,
        {name});
}

TEST(BadInput, HostileModelFiles) {
  const fs::path folder = scratch("models"), file = folder / "m.safetensors";
  const std::string whole = read_text(fixture().model);
  std::string deep(200000, '[');
  const std::string meta = R"("__metadata__":{"cigli.format":"cigli-model-1"},)";
  const std::vector<std::pair<std::string, std::string>> cases{
      {"empty", ""},
      {"seven bytes", whole.substr(0, 7)},
      {"cut header", whole.substr(0, 100)},
      {"cut data", whole.substr(0, whole.size() - 5)},
      {"surplus data", whole + "surplus"},
      {"huge length", little_endian(~std::uint64_t{0}) + whole.substr(8)},
      {"length beyond the file", little_endian(whole.size()) + whole.substr(8)},
      {"no JSON", safetensors("nonsense", 4)},
      {"deep JSON", safetensors("{\"a\":" + deep, 4)},
      {"no object", safetensors("[1,2]", 4)},
      {"overlap",
       safetensors(
           "{" + meta +
               R"("a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})",
           12)},
      {"out of range", safetensors("{" + meta + R"("a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 4)},
      {"backwards", safetensors("{" + meta + R"("a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", 8)},
      {"wrong size", safetensors("{" + meta + R"("a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4)},
      {"unknown type", safetensors("{" + meta + R"("a":{"dtype":"F33","shape":[1],"data_offsets":[0,4]}})", 4)},
      {"huge shape",
       safetensors("{" + meta + R"("a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}})", 0)},
      {"negative shape", safetensors("{" + meta + R"("a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4)},
  };
  for (const auto& [what, bytes] : cases) {
    SCOPED_TRACE(what);
    write_text(file, bytes);
    expect_complaint(cigli({"inspect", file}), 1, {"m.safetensors"});
    if (what.rfind("cut", 0) != 0) continue;  // both commands read files the same way: three of them are enough
    expect_complaint(
        cigli({"generate", "--model", file, "--text", "t", "--image", fixture().prompt(0), "--out", folder / "x.png"}),
        1, {"m.safetensors"});
  }
  EXPECT_FALSE(fs::exists(folder / "x.png"));
}

// JSON in the metadata is shown as text where it is nested too deep to be copied.
TEST(BadInput, DeepJsonInMetadataIsText) {
  const fs::path folder = scratch("deep");
  const std::string deep(100000, '[');
  write_text(folder / "m.safetensors", safetensors(R"({"__metadata__":{"a":")" + deep + R"("}})", 0));
  const std::string closed = deep + std::string(100000, ']');
  write_text(folder / "n.safetensors", safetensors(R"({"__metadata__":{"a":")" + closed + R"("}})", 0));
  write_png(folder / "p.png", Image(8, 8), {{"settings", closed}});
  for (const char* name : {"m.safetensors", "n.safetensors", "p.png"}) {
    const Outcome outcome = cigli({"inspect", folder / name, "--json"});
    EXPECT_EQ(outcome.code, 0) << name << ": " << outcome.err;
    EXPECT_NE(outcome.out.find("[[[["), std::string::npos) << name;
  }
}

TEST(BadInput, ModelsOfAnotherKind) {
  const fs::path folder = scratch("kinds"), file = folder / "m.safetensors";
  const std::string whole = read_text(fixture().model);
  std::uint64_t length = 0;
  for (int i = 7; i >= 0; --i) length = length << 8 | static_cast<std::uint8_t>(whole[i]);
  const Json header = Json::parse(whole.substr(8, length));
  const auto complaint = [&](const Json& changed, const std::vector<std::string>& parts) {
    std::string text = changed.dump();
    text.resize((text.size() + 7) / 8 * 8, ' ');
    write_text(file, little_endian(text.size()) + text + whole.substr(8 + length));
    expect_complaint(
        cigli({"generate", "--model", file, "--text", "t", "--image", fixture().prompt(0), "--out", folder / "x.png"}),
        1, parts);
  };
  Json wider = header, newer = header, bare = header;
  Json options = Json::parse(header["__metadata__"]["cigli.options"].get<std::string>());
  options["fusion"]["width"] = 64;
  wider["__metadata__"]["cigli.options"] = options.dump();
  complaint(wider, {"m.safetensors", "tensor", "expected"});
  options["fusion"]["widht"] = 64;
  newer["__metadata__"]["cigli.options"] = options.dump();
  complaint(newer, {"m.safetensors", "widht", "width"});
  bare.erase("__metadata__");
  complaint(bare, {"m.safetensors", "not a cigli model"});
  expect_complaint(cigli({"generate", "--model", folder / "none", "--text", "t", "--image", fixture().prompt(0),
                          "--out", folder / "x.png"}),
                   1, {"none"});
  expect_complaint(cigli({"generate", "--model", fixture().data, "--text", "t", "--image", fixture().prompt(0), "--out",
                          folder / "x.png"}),
                   1, {"data", "run folder"});
}

TEST(BadInput, DamagedPacks) {
  const fs::path folder = scratch("packs"), file = folder / "p.pack";
  const std::string whole = read_text(fixture().pack);
  std::string flipped = whole;
  flipped[whole.size() / 2] ^= 1;
  for (const std::string& bytes : {std::string(), whole.substr(0, 20), whole.substr(0, whole.size() - 1), flipped,
                                   std::string("not a pack at all")}) {
    write_text(file, bytes);
    expect_complaint(cigli({"inspect", file}), 1, {"p.pack"});
  }
  write_text(file, whole.substr(0, whole.size() / 2));
  expect_complaint(cigli({"train", "--data", file, "--out", folder / "run", "--steps", "1"}), 1, {"p.pack"});
}

TEST(BadInput, UnknownKeysOfAConfiguration) {
  const fs::path folder = scratch("config");
  write_text(folder / "c.toml", "batch_size = 4\nbatch_sise = 5\n");
  expect_complaint(cigli({"train", "--data", fixture().pack, "--out", folder / "run", "--config", folder / "c.toml"}),
                   1, {"c.toml", "batch_sise", "batch_size"});
  write_text(folder / "d.toml", "batch_size = \n");
  expect_complaint(cigli({"train", "--data", fixture().pack, "--out", folder / "run", "--config", folder / "d.toml"}),
                   1, {"d.toml"});
  expect_complaint(cigli({"train", "--data", fixture().pack, "--out", folder / "run", "--config", folder / "e.toml"}),
                   1, {"e.toml"});
}

TEST(BadInput, ATrainingIsNotBegunAnewOverAnother) {
  const fs::path folder = scratch("resume"), run = folder / "run";
  fs::copy(fixture().run, run, fs::copy_options::recursive);
  const std::string model = read_text(run / "model.safetensors"), log = read_text(run / "log.jsonl");
  const std::string config = std::string(CIGLI_SOURCE_DIR) + "/configs/shapes-64-tiny.toml";
  const std::vector<std::string> words{"train",    "--data", fixture().pack, "--out", run,
                                       "--config", config,   "--steps",      "4"};
  const auto with = [&](const std::vector<std::string>& more) {
    std::vector<std::string> all = words;
    all.insert(all.end(), more.begin(), more.end());
    return cigli(all);
  };
  expect_complaint(with({}), 1, {"run", "--resume latest"});
  expect_complaint(with({"--resume", "latest", "--model.text.width", "64"}), 1,
                   {"step-00000002.safetensors", "another architecture", "width is 32"});
  fs::remove_all(run / "checkpoints");
  expect_complaint(with({"--resume", "latest"}), 1, {"run", "no checkpoint"});
  EXPECT_TRUE(read_text(run / "model.safetensors") == model);
  EXPECT_EQ(read_text(run / "log.jsonl"), log);
}

TEST(BadInput, EvaluateCountsTheRowsItCannotUse) {
  const fs::path data = copy_of_data("unusable"), generated = scratch("targets");
  for (const Json& row : fixture().rows)
    fs::copy_file(data / row["target_file_name"].get<std::string>(),
                  generated / (row["id"].get<std::string>() + ".png"));
  std::string text = read_text(data / "metadata.jsonl");
  text += "{\"id\": \"x\", \n" + fixture().rows[0].dump() + "\n" + row_with("../y", [](Json&) {}) + "\n";
  write_text(data / "metadata.jsonl", text);
  const Outcome outcome = cigli({"evaluate", "--generated", generated, "--data", data, "--json"});
  EXPECT_EQ(outcome.code, 3) << outcome.err;
  const Json consistency = Json::parse(outcome.out)["consistency"];
  EXPECT_EQ(consistency["unusable"], 3);
  EXPECT_EQ(consistency["n"], 20);
  EXPECT_EQ(consistency["accuracy"], 1.0);
  for (const char* where : {"metadata.jsonl:21: ", "metadata.jsonl:22: ", "metadata.jsonl:23: "})
    EXPECT_NE(outcome.err.find(where), std::string::npos) << outcome.err;
}

TEST(BadInput, EvaluateNamesWhatItLacks) {
  const fs::path folder = scratch("evaluate");
  expect_complaint(cigli({"evaluate", "--generated", folder, "--data", fixture().data}), 1, {folder.string(), ".png"});
  expect_complaint(cigli({"evaluate", "--generated", folder / "none", "--data", fixture().data}), 1, {"none"});
  expect_complaint(cigli({"evaluate", "--generated", folder, "--data", folder}), 1, {folder.string()});
}

// A folder that takes a few kilobytes; gone with the object. `mounted` is false where mounting is not allowed.
struct SmallDisk {
  fs::path folder = scratch("disk");
  bool mounted = mount("tmpfs", folder.c_str(), "tmpfs", 0, "size=32k") == 0;
  ~SmallDisk() {
    if (mounted) umount2(folder.c_str(), MNT_DETACH);
  }
};

TEST(BadInput, AFullDiskKeepsWhatIsWritten) {
  SmallDisk disk;
  if (!disk.mounted) GTEST_SKIP() << "mounting a small disk is not allowed here";
  const fs::path out = disk.folder / "out";
  expect_complaint(cigli({"generate", "--model", fixture().model, "--requests", fixture().data / "metadata.jsonl",
                          "--out", out, "--batch-size", "2"}),
                   1, {disk.folder.string(), "No space left"});
  int images = 0;
  for (const auto& entry : fs::directory_iterator(out)) {
    if (entry.path().filename() == "results.jsonl") continue;  // what is known of the images
    EXPECT_EQ(entry.path().extension(), ".png") << "left behind: " << entry.path();
    EXPECT_NO_THROW(read_image(entry.path()));
    ++images;
  }
  EXPECT_GT(images, 0);
  expect_complaint(cigli({"data", "pack", "--data", fixture().data, "--out", disk.folder / "x.pack", "--size", "64"}),
                   1, {"x.pack", "No space left"});
  EXPECT_FALSE(fs::exists(disk.folder / "x.pack"));
}

TEST(BadInput, AFailedWriteLeavesTheOldFile) {
  const fs::path folder = scratch("limit"), pack = folder / "x.pack";
  write_text(pack, "old");
  const Outcome outcome = shell("trap '' XFSZ; ulimit -f 16; \"$cigli\" data pack --size 32 --data '" +
                                fixture().data.string() + "' --out '" + pack.string() + "'");
  expect_complaint(outcome, 1, {"x.pack"});
  EXPECT_EQ(read_text(pack), "old");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), fs::directory_iterator()), 1) << "something was left behind";
}

TEST(BadInput, AReadOnlyFolder) {
  SmallDisk disk;
  const bool root = geteuid() == 0;
  if (root && !disk.mounted) GTEST_SKIP() << "root may write everywhere, and mounting is not allowed here";
  if (root)
    ASSERT_EQ(mount("tmpfs", disk.folder.c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, ""), 0);
  else
    ASSERT_EQ(chmod(disk.folder.c_str(), 0555), 0);
  const std::string name = disk.folder.string();
  expect_complaint(cigli({"generate", "--model", fixture().model, "--requests", fixture().data / "metadata.jsonl",
                          "--out", disk.folder / "out"}),
                   1, {name});
  expect_complaint(cigli({"generate", "--model", fixture().model, "--text", "mirror it", "--image", fixture().prompt(0),
                          "--out", disk.folder / "x.png"}),
                   1, {name});
  expect_complaint(cigli({"data", "pack", "--data", fixture().data, "--out", disk.folder / "x.pack", "--size", "32"}),
                   1, {name});
  expect_complaint(cigli({"data", "synth", "--out", disk.folder / "d", "--count", "2", "--seed", "1"}), 1, {name});
  expect_complaint(cigli({"train", "--data", fixture().pack, "--out", disk.folder / "run", "--steps", "1"}), 1, {name});
}

}  // namespace
}  // namespace cigli
