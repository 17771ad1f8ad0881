#include <gtest/gtest.h>

#include "tests/tools/command.h"

namespace cigli {
namespace {

TEST(CommandLine, HelpListsEveryCommand) {
  const Outcome help = cigli({"--help"});
  EXPECT_EQ(help.code, 0);
  EXPECT_EQ(help.err, "");
  for (const char* command : {"data synth", "data import", "data pack", "data check", "data curate", "train",
                              "generate", "control", "evaluate", "compare", "export", "tokenize", "inspect"})
    EXPECT_TRUE(contains(help.out, command)) << command;
  const Outcome data = cigli({"data", "--help"});
  EXPECT_EQ(data.code, 0);
  EXPECT_TRUE(contains(data.out, "data synth"));
  EXPECT_FALSE(contains(data.out, "evaluate"));
}

TEST(CommandLine, EveryCommandHasHelp) {
  for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{{"data", "synth"},
                                                                                       {"data", "import"},
                                                                                       {"data", "pack"},
                                                                                       {"data", "check"},
                                                                                       {"data", "curate"},
                                                                                       {"train"},
                                                                                       {"generate"},
                                                                                       {"evaluate"},
                                                                                       {"tokenize"},
                                                                                       {"inspect"}}) {
    std::vector<std::string> words = command;
    words.push_back("--help");
    const Outcome help = cigli(words);
    EXPECT_EQ(help.code, 0) << command.back();
    EXPECT_TRUE(contains(help.out, "--")) << command.back();
    EXPECT_EQ(help.err, "");
  }
}

TEST(CommandLine, VersionNamesTheLibraries) {
  const Outcome version = cigli({"--version"});
  EXPECT_EQ(version.code, 0);
  for (const char* part : {"cigli ", "LibTorch ", "OpenCV ", "CUDA "}) EXPECT_TRUE(contains(version.out, part)) << part;
}

TEST(CommandLine, UsageErrorsExitWith2) {
  expect_complaint(cigli({}), 2, {"no command"});
  expect_complaint(cigli({"genrate"}), 2, {"unknown command 'genrate'", "did you mean 'generate'?"});
  expect_complaint(cigli({"data"}), 2, {"'data' needs a command"});
  expect_complaint(cigli({"data", "sinth"}), 2, {"unknown command 'data sinth'", "'data synth'"});
  expect_complaint(cigli({"--frobnicate"}), 2, {"unknown command"});
  expect_complaint(cigli({"generate", "--stepz", "3", "--out", "x"}), 2, {"stepz", "steps"});
  expect_complaint(cigli({"generate", "--steps", "many", "--out", "x"}), 2, {"steps"});
  expect_complaint(cigli({"generate", "--method", "magic", "--out", "x"}), 2, {"method", "euler"});
  expect_complaint(cigli({"generate", "--model", "m", "--out", "x.png"}), 2, {"--requests", "--text"});
  expect_complaint(cigli({"generate", "--model", "m", "--text", "t", "--out", "x.png"}), 2, {"--image"});
  expect_complaint(cigli({"evaluate", "--data", "d"}), 2, {"generated"});
  expect_complaint(cigli({"tokenize"}), 2, {"--merges"});
}

TEST(CommandLine, MessagesAreOneLine) {
  const Outcome outcome = cigli({"inspect", "no\nsuch\x1b[31mfile"});
  expect_complaint(outcome, 1, {"no such"});
  EXPECT_EQ(outcome.err.find('\n'), outcome.err.size() - 1);
  EXPECT_FALSE(contains(outcome.err, "\x1b"));
}

TEST(CommandLine, AFullStdoutIsAnError) { expect_complaint(shell("\"$cigli\" --help >/dev/full"), 1, {"stdout"}); }

TEST(Tokenize, GivesClipsIds) {
  const std::string merges = CIGLI_TEST_DATA "/data/clip/bpe_simple_vocab_16e6.txt.gz";
  if (!std::filesystem::exists(merges)) GTEST_SKIP() << "no CLIP merges at " << merges;
  const Outcome ids = cigli({"tokenize", "--merges", merges}, "a photo of a cat\n\nA   Cat");
  EXPECT_EQ(ids.code, 0) << ids.err;
  EXPECT_EQ(ids.out, "[320,1125,539,320,2368]\n[]\n[320,2368]\n");
  expect_complaint(cigli({"tokenize", "--merges", merges}, "fine\nb\xff"), 1, {"stdin:2", "UTF-8"});
}

TEST(Tokenize, TrainsMerges) {
  const auto folder = scratch("tokenize");
  write_text(folder / "corpus.txt", "the red circle\nthe red square\nthe blue circle\n");
  const Outcome trained =
      cigli({"tokenize", "--train", folder / "corpus.txt", "--vocabulary", "600", "--out", folder / "merges.txt"});
  EXPECT_EQ(trained.code, 0) << trained.err;
  EXPECT_EQ(trained.out, "");
  const Outcome ids = cigli({"tokenize", "--merges", folder / "merges.txt"}, "The red circle\n");
  ASSERT_EQ(ids.code, 0) << ids.err;
  EXPECT_EQ(nlohmann::json::parse(ids.out).size(), 3u);
  write_text(folder / "bad.txt", "fine\nb\xff\n");
  expect_complaint(cigli({"tokenize", "--train", folder / "bad.txt", "--out", folder / "m.txt"}), 1,
                   {"bad.txt:2", "UTF-8"});
  expect_complaint(cigli({"tokenize", "--train", folder / "none.txt", "--out", folder / "m.txt"}), 1, {"none.txt"});
  write_text(folder / "broken-merges.txt", "t h\nx\n");
  expect_complaint(cigli({"tokenize", "--merges", folder / "broken-merges.txt"}), 1, {"broken-merges.txt:2"});
}

}  // namespace
}  // namespace cigli
