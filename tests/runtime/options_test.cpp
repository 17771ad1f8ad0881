#include "runtime/options.h"

#include <gtest/gtest.h>

#include <limits>

#include "runtime/files.h"
#include "tests/temporary_folder.h"

namespace cigli {
namespace {

using nlohmann::json;

struct Inner {
  std::int64_t width = 128;
  double learning_rate = 1e-3;
  void visit(Fields& f) {
    f("width", width, "channels of a token", Range{8, 4096});
    f("learning_rate", learning_rate, "step size", Range{0});
  }
};

struct Outer {
  Inner fusion;
  void visit(Fields& f) { f.group("fusion", fusion); }
};

struct Sample {
  std::string world = "shapes-64";
  std::string text = "a \"red\" \\ square\n\x7F\xE2\x82\xAC";
  bool json_output = false, metadata = true;
  std::int64_t n = 1;
  double sigma = 0.1;
  std::vector<std::string> families{"add", "remove"};
  std::vector<std::int64_t> sizes;
  std::optional<std::int64_t> seed;
  std::optional<double> guidance;
  std::optional<std::string> note;
  Outer model;
  std::string late = "top level, after a group";
  void visit(Fields& f) {
    f("world", world, "which world", Choices{{"shapes-64", "shapes-rich"}});
    f("text", text, "a sentence");
    f("json", json_output, "print JSON");
    f("metadata", metadata, "write text chunks");
    f("n", n, "images a row", Range{1, 100});
    f("sigma", sigma, "noise");
    f("families", families, "families to use");
    f("sizes", sizes, "sizes", Range{1, 9});
    f("seed", seed, "seed");
    f("guidance", guidance, "guidance", Range{0, 20});
    f("note", note, "a note");
    f.group("model", model);
    f("late", late, "a late one");
  }
};

Sample parse_sample(const std::vector<std::string>& words) { return parse<Sample>({"try", "Try it.", words}); }

std::string usage_error(const std::vector<std::string>& words) {
  try {
    parse_sample(words);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

std::string toml_error(const std::string& text) {
  Sample sample;
  return error_of([&] { read_toml_text(fields_of(sample), text, "x.toml"); });
}

std::string json_error(const json& object) {
  Sample sample;
  return error_of([&] { read_json(fields_of(sample), object, "model.bin"); });
}

TEST(Arguments, FlagsReachTheirFields) {
  const Sample sample = parse_sample({"--world", "shapes-rich", "--text=", "--json", "--no-metadata", "--n=3", "--seed",
                                      "-5", "--sizes", "3,4", "--sizes=5", "--families", "mirror",
                                      "--model.fusion.learning-rate", "2e-4", "--model.fusion.width=64"});
  EXPECT_EQ(sample.world, "shapes-rich");
  EXPECT_EQ(sample.text, "");
  EXPECT_TRUE(sample.json_output);
  EXPECT_FALSE(sample.metadata);
  EXPECT_EQ(sample.n, 3);
  EXPECT_EQ(sample.seed, -5);
  EXPECT_EQ(sample.sizes, (std::vector<std::int64_t>{3, 4, 5}));
  EXPECT_EQ(sample.families, std::vector<std::string>{"mirror"});
  EXPECT_EQ(sample.model.fusion.learning_rate, 2e-4);
  EXPECT_EQ(sample.model.fusion.width, 64);
  EXPECT_FALSE(sample.guidance);
}

TEST(Arguments, ValuesAreTakenAsTheyAre) {
  EXPECT_EQ(parse_sample({"--text", "--json"}).text, "--json");
  EXPECT_EQ(parse_sample({"--text=a=b,\nc_d"}).text, "a=b,\nc_d");
  EXPECT_EQ(parse_sample({"--text", std::string(1000000, 'x')}).text.size(), 1000000U);
  EXPECT_EQ(parse_sample({"--model.fusion.learning_rate", "1"}).model.fusion.learning_rate, 1.0);
  EXPECT_TRUE(parse_sample({"--families", ""}).families.empty());
  EXPECT_FALSE(parse_sample({"--json", "--json=false"}).json_output);
  EXPECT_EQ(parse_sample({"--n", "2", "--n", "4"}).n, 4);
}

TEST(Arguments, WrongOnesAreNamed) {
  EXPECT_EQ(usage_error({"--wrld", "x"}), "unknown flag '--wrld', did you mean '--world'?");
  EXPECT_EQ(usage_error({"--width", "9"}), "unknown flag '--width', did you mean '--model.fusion.width'?");
  EXPECT_EQ(usage_error({"--zzzzzz"}), "unknown flag '--zzzzzz', see cigli try --help");
  EXPECT_EQ(usage_error({"-n", "3"}), "unknown flag '-n', flags begin with two dashes");
  EXPECT_EQ(usage_error({"--no-world"}), "unknown flag '--no-world', did you mean '--world'?");
  EXPECT_EQ(usage_error({"--n"}), "--n: found nothing behind it, expected a value");
  EXPECT_EQ(usage_error({"--n", "0"}), "--n: found 0, expected an integer, between 1 and 100");
  EXPECT_EQ(usage_error({"--n", "2.5"}), "--n: found \"2.5\", expected an integer, between 1 and 100");
  EXPECT_EQ(usage_error({"--seed", "99999999999999999999"}),
            "--seed: found \"99999999999999999999\", expected an integer");
  EXPECT_EQ(usage_error({"--sigma", "nan"}), "--sigma: found \"nan\", expected a number");
  EXPECT_EQ(usage_error({"--sizes", "1,x"}),
            "--sizes: found [1, \"x\"], expected a list, each an integer, between 1 and 9");
  EXPECT_EQ(usage_error({"--world", "flat"}), "--world: found \"flat\", expected one of shapes-64, shapes-rich");
  EXPECT_EQ(usage_error({"--json=maybe"}), "--json: found \"maybe\", expected true or false");
  EXPECT_EQ(usage_error({"word"}), "unexpected word 'word', see cigli try --help");
  EXPECT_EQ(usage_error({"--text", "\xFF"}), "--text: found bytes that are not UTF-8, expected a string");
}

TEST(Arguments, DefaultsThenFileThenFlags) {
  const TemporaryFolder folder;
  const std::string file = (folder / "try.toml").string();
  write_file(file, "n = 7\nsigma = 2\n[model.fusion]\nwidth = 16\n");
  const Sample sample = parse_sample({"--n", "9", "--config", file});
  EXPECT_EQ(sample.n, 9);
  EXPECT_EQ(sample.sigma, 2.0);
  EXPECT_EQ(sample.model.fusion.width, 16);
  EXPECT_EQ(sample.world, "shapes-64");
  EXPECT_EQ(error_of([&] {
              parse_sample({"--config", file + "x"});
            }),
            "cannot read " + file + "x: No such file or directory");
}

struct Needs {
  std::string data;
  std::vector<std::string> files;
  void visit(Fields& f) {
    f("data_folder", data, "the dataset", Required{});
    f("files", files, "files to read");
  }
};

TEST(Arguments, RequiredComeFromFileOrFlag) {
  const TemporaryFolder folder;
  write_file(folder / "x.toml", "data_folder = 'd'\n");
  EXPECT_EQ(parse<Needs>({"need", "", {"--data-folder", "d"}}).data, "d");
  EXPECT_EQ(parse<Needs>({"need", "", {"--data_folder", "d"}}).data, "d");
  EXPECT_EQ(parse<Needs>({"need", "", {"--config", (folder / "x.toml").string()}}).data, "d");
  EXPECT_THROW(parse<Needs>({"need", "", {}}), UsageError);
  EXPECT_EQ(error_of([] {
              parse<Needs>({"need", "", {}});
            }),
            "--data-folder is required: the dataset; see cigli need --help");
}

TEST(Arguments, WordsGoToFiles) {
  const Needs needs = parse<Needs>({"need", "", {"a,b", "--data-folder", "d", "-", "--", "--odd"}});
  EXPECT_EQ(needs.files, (std::vector<std::string>{"a,b", "-", "--odd"}));
}

TEST(Arguments, HelpStatesEveryOption) {
  std::string text;
  try {
    parse_sample({"--n", "3", "--help"});
  } catch (const HelpRequested& help) {
    text = help.text;
  }
  for (const char* part : {"Try it.", "cigli try", "--n INT", "between 1 and 100", "default: 1",
                           "shapes-64 | shapes-rich", "--no-metadata", "--model.fusion.learning-rate NUM",
                           "default: 0.001", "model.fusion options", "--config FILE", "a late one"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " in\n" << text;
  }
}

TEST(Toml, RoundTripsEveryKind) {
  Sample sample;
  sample.sigma = 0.1 + 0.2;
  sample.model.fusion.learning_rate = 1e-300;
  sample.n = 42;
  sample.seed = std::numeric_limits<std::int64_t>::min();
  sample.guidance = 3;
  sample.note = std::string("tab\t nul", 8) + '\0' + "'''\"\"\"\r\n";
  sample.sizes = {1, 9};
  sample.metadata = false;
  const std::string text = write_toml(fields_of(sample));
  Sample back;
  read_toml_text(fields_of(back), text, "text");
  EXPECT_EQ(write_toml(fields_of(back)), text);
  EXPECT_EQ(back.sigma, sample.sigma);
  EXPECT_EQ(back.model.fusion.learning_rate, 1e-300);
  EXPECT_EQ(back.seed, sample.seed);
  EXPECT_EQ(back.note, sample.note);
  EXPECT_EQ(back.text, sample.text);
  EXPECT_EQ(back.late, sample.late);
  EXPECT_EQ(back.guidance, 3.0);
}

TEST(Toml, UnsetOptionalsAreLeftOut) {
  Sample sample;
  EXPECT_EQ(write_toml(fields_of(sample)).find("seed"), std::string::npos);
  EXPECT_FALSE(write_json(fields_of(sample)).contains("seed"));
}

TEST(Toml, ErrorsNameFileLineAndKey) {
  EXPECT_EQ(toml_error("n = 1\n\n[model.fusion]\nwidht = 3\n"),
            "x.toml:4:1: unknown key 'model.fusion.widht', did you mean 'model.fusion.width'?");
  EXPECT_EQ(toml_error("width = 3"), "x.toml:1:1: unknown key 'width', did you mean 'model.fusion.width'?");
  EXPECT_EQ(toml_error("n = '1'"), "x.toml:1:1: n: found \"1\", expected an integer, between 1 and 100");
  EXPECT_EQ(toml_error("n = 1.0"), "x.toml:1:1: n: found 1.0, expected an integer, between 1 and 100");
  EXPECT_EQ(toml_error("\nguidance = 20.5"), "x.toml:2:1: guidance: found 20.5, expected a number, between 0 and 20");
  EXPECT_EQ(toml_error("model = 3"), "x.toml:1:1: model: found a value, expected a table [model]");
  EXPECT_EQ(toml_error("[n]\na = 3"), "x.toml:1:2: n: found a group, expected an integer, between 1 and 100");
  EXPECT_EQ(toml_error("sizes = [1, [2]]").rfind("x.toml:1:1: sizes: found [1, a list], expected a list", 0), 0U);
  EXPECT_EQ(toml_error("sigma = inf").rfind("x.toml:1:1: sigma: found", 0), 0U);
  EXPECT_EQ(toml_error("n = 1\nn = 2").rfind("x.toml:2:", 0), 0U);
  EXPECT_EQ(toml_error("n = ").rfind("x.toml:1:", 0), 0U);
  EXPECT_EQ(toml_error("n = " + std::string(100000, '[')).rfind("x.toml:1:", 0), 0U);
}

TEST(Json, RoundTripsThroughNestedGroups) {
  Sample sample;
  sample.sigma = 1.0 / 3;
  sample.seed = 7;
  const json object = write_json(fields_of(sample));
  EXPECT_EQ(object["model"]["fusion"]["width"], 128);
  Sample back;
  read_json(fields_of(back), json::parse(object.dump()), "text");
  EXPECT_EQ(write_json(fields_of(back)), object);
  EXPECT_EQ(back.sigma, sample.sigma);
}

TEST(Json, ErrorsNameTheKey) {
  EXPECT_EQ(json_error(json::parse(R"({"model": {"fusion": {"widt": 1}}})")),
            "model.bin: unknown key 'model.fusion.widt', did you mean 'model.fusion.width'?");
  EXPECT_EQ(json_error({{"n", "x"}}), "model.bin: n: found \"x\", expected an integer, between 1 and 100");
  EXPECT_EQ(json_error({{"seed", std::numeric_limits<std::uint64_t>::max()}}),
            "model.bin: seed: found 18446744073709551615, expected an integer");
  EXPECT_EQ(json_error({{"model", 3}}), "model.bin: found 3, expected a JSON object");
  EXPECT_EQ(json_error(json::parse(std::string(100000, '[') + std::string(100000, ']'))),
            "model.bin: found [a list], expected a JSON object");
}

}  // namespace
}  // namespace cigli
