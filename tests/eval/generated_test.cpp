#include "eval/generated.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/temporary_folder.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

// Images are looked for, not looked at: empty files will do.
void put(const fs::path& file, const std::string& text = "") {
  fs::create_directories(file.parent_path());
  std::ofstream(file) << text;
}

std::string row(const std::string& id, const std::string& target, const std::string& split = "test") {
  return R"({"id": ")" + id + R"(", "text": "turn it", "prompt_file_name": "p.png", "target_file_name": ")" + target +
         R"(", "split": ")" + split + "\"}\n";
}

Names below(const fs::path& folder, const std::vector<fs::path>& files) {
  Names names;
  for (const fs::path& file : files) names.push_back(file.lexically_relative(folder).string());
  return names;
}

TEST(ImageFiles, AreThoseOfAFolderAndItsSubfoldersByName) {
  const TemporaryFolder folder;
  for (const char* name : {"b.png", "a.JPG", "sub/c.jpeg", "d.Bmp", "e.txt", "f.png.part", "sub/g.json"})
    put(folder / name);
  fs::create_directory(folder / "h.png");
  EXPECT_EQ(below(folder, image_files(folder)), (Names{"a.JPG", "b.png", "d.Bmp", "sub/c.jpeg"}));
}

TEST(ImageFiles, AreThoseThatResultsList) {
  const TemporaryFolder folder;
  for (const char* name : {"a.png", "b.png", "c.png", "contact.png"}) put(folder / name);
  put(folder / "results.jsonl", "{\"id\": \"c\", \"file\": \"c.png\"}\n{\"file\": \"a.png\", \"seed\": 3}\n");
  EXPECT_EQ(below(folder, image_files(folder)), (Names{"a.png", "c.png"}));
  put(folder / "results.jsonl", "{\"file\": \"a.png\"}\n{\"file\": \"../b.png\"}\n");
  const std::string outside = error_of([&] { image_files(folder); });
  EXPECT_NE(outside.find("results.jsonl:2"), std::string::npos) << outside;
  EXPECT_NE(outside.find("../b.png"), std::string::npos) << outside;
}

TEST(ImageFiles, AreListedOnceEach) {
  const TemporaryFolder folder;
  for (const char* name : {"a.png", "b.png", "contact.png", "notes.txt"}) put(folder / name);
  put(folder / "results.jsonl",
      "{\"file\": \"b.png\"}\n{\"file\": \"b.p\n{\"file\": \"./b.png\"}\n{\"file\": \"contact.png\"}\n"
      "{\"file\": \"notes.txt\"}\n{\"file\": \"gone.png\"}\n");
  EXPECT_EQ(below(folder, image_files(folder)), (Names{"b.png", "gone.png"}));
}

TEST(ImageFiles, AreAllWhereResultsListNoneOfThem) {
  const TemporaryFolder folder;
  for (const char* name : {"a.png", "sub/b.png", "contact.png"}) put(folder / name);
  for (const char* results : {"", "[1]\nno JSON\n{\"file\": 3}\n", "{\"id\": \"a\", \"file\": \"other.png\"}\n"}) {
    put(folder / "results.jsonl", results);
    EXPECT_EQ(below(folder, image_files(folder)), (Names{"a.png", "sub/b.png"})) << results;
  }
}

TEST(ImageFiles, SayWhatTheyLack) {
  const TemporaryFolder folder;
  put(folder / "notes.txt");
  const std::string none = error_of([&] { image_files(folder); });
  EXPECT_NE(none.find(folder.path().string() + ": no image"), std::string::npos) << none;
  const std::string nowhere = error_of([&] { image_files(folder / "nowhere"); });
  EXPECT_NE(nowhere.find("nowhere: no such folder"), std::string::npos) << nowhere;
}

TEST(RealImages, AreTargetsEachOnceInTheOrderOfRows) {
  const TemporaryFolder folder;
  put(folder / "metadata.jsonl",
      row("1", "z.png") + row("2", "sub/a.png", "train") + row("3", "z.png") + row("4", "b.png"));
  put(folder / "p.png");
  EXPECT_EQ(below(folder, real_images(folder, "")), (Names{"z.png", "sub/a.png", "b.png"}));
  EXPECT_EQ(below(folder, real_images(folder, "test")), (Names{"z.png", "b.png"}));
  EXPECT_EQ(below(folder, real_images(folder / "metadata.jsonl", "train")), (Names{"sub/a.png"}));
  EXPECT_NE(error_of([&] { real_images(folder, "val"); }).find("val"), std::string::npos);
}

TEST(RealImages, OfAFolderWithoutRowsAreAllOfIt) {
  const TemporaryFolder folder;
  for (const char* name : {"2.png", "1.jpg"}) put(folder / name);
  EXPECT_EQ(below(folder, real_images(folder, "")), (Names{"1.jpg", "2.png"}));
  EXPECT_EQ(error_of([&] { real_images(folder, "test"); }),
            "--split test: " + folder.path().string() + " has no metadata.jsonl with rows");
}

TEST(TrainingImages, AreThoseOfSplitTrainElseOfRowsWithoutASplit) {
  const TemporaryFolder folder;
  const fs::path metadata = folder / "metadata.jsonl";
  const std::string no_split =
      R"({"id": "5", "text": "turn it", "prompt_file_name": "p.png", "target_file_name": "c.png"})"
      "\n";
  const std::string held_out = row("1", "z.png", "val") + row("2", "y.png");
  put(metadata, held_out + no_split + row("3", "z.png", "train") + "{\"id\": \n" + row("4", "sub/a.png", "train") +
                    row("6", "z.png", "train"));
  EXPECT_EQ(below(folder, training_images(folder)), (Names{"z.png", "sub/a.png"}));
  EXPECT_EQ(below(folder, training_images(metadata)), (Names{"z.png", "sub/a.png"}));
  put(metadata, held_out + no_split);
  EXPECT_EQ(below(folder, training_images(folder)), Names{"c.png"});
  put(metadata, held_out);
  EXPECT_EQ(error_of([&] { training_images(folder); }),
            metadata.string() + ": no row of split 'train' or without a split");
}

TEST(TrainingImages, OfAFolderWithoutRowsAreAllOfIt) {
  const TemporaryFolder folder;
  for (const char* name : {"2.png", "1.jpg"}) put(folder / name);
  EXPECT_EQ(below(folder, training_images(folder)), (Names{"1.jpg", "2.png"}));
}

TEST(AnswerTo, IsTheRowsOwnFile) {
  const TemporaryFolder folder;
  for (const char* name :
       {"a.png", "a.jpg", "a-0.png", "b.jpeg", "b-0.png", "c-0.bmp", "c-1.bmp", "d-1.png", "e.f.jpg"})
    put(folder / name);
  const auto answer = [&](const std::string& id) { return Answers(folder).to(id).filename().string(); };
  EXPECT_EQ(answer("a"), "a.png");
  EXPECT_EQ(answer("b"), "b.jpeg");
  EXPECT_EQ(answer("c"), "c-0.bmp");
  EXPECT_EQ(answer("d"), "");
  EXPECT_EQ(answer("e"), "");
  EXPECT_EQ(answer("e.f"), "e.f.jpg");
}

TEST(AnswerTo, TakesEndingsInAnyCase) {
  const TemporaryFolder folder;
  for (const char* name : {"a.Png", "b.jPeG", "c-0.BMP", "d.gif", "contact.png"}) put(folder / name);
  const auto answer = [&](const std::string& id) { return Answers(folder).to(id).filename().string(); };
  EXPECT_EQ(answer("a"), "a.Png");
  EXPECT_EQ(answer("b"), "b.jPeG");
  EXPECT_EQ(answer("c"), "c-0.BMP");
  EXPECT_EQ(answer("d"), "");
  EXPECT_EQ(answer("contact"), "");
}

TEST(AnswerTo, IsWhatResultsListLastAndIsThere) {
  const TemporaryFolder folder;
  for (const char* name : {"k.png", "m.png", "sub/x.png", "y.png", "z.png"}) put(folder / name);
  put(folder / "results.jsonl", R"({"id": "k", "file": "y.png"}
{"id": "m", "file": "gone.png"}
{"id": "a", "file": "sub/x.png"}
{"id": "a", "file": "z.png"}
{"id": "a", "file": "gone.png"}
{"file": "z.png"}
{"id": "contact", "file": "contact.png"}
)");
  const Answers answers(folder);
  for (const auto& [id, file] : {std::pair{"k", "y.png"}, {"m", "m.png"}, {"a", "z.png"}}) {
    EXPECT_EQ(answers.to(id), folder / file);
    EXPECT_EQ(Answers(folder).to(id), folder / file);
  }
  EXPECT_EQ(answers.to("none"), "");
  EXPECT_EQ(answers.to("contact"), "");
  EXPECT_EQ(below(folder, answers.listed("a")), (Names{"gone.png", "z.png", "sub/x.png"}));
}

// `generate` into one folder, with --n and without.
TEST(AnswerTo, IsTheFirstImageOfTheLastRun) {
  const TemporaryFolder folder;
  for (const char* name : {"x.png", "x-0.png", "x-1.png", "x-2.png"}) put(folder / name);
  const auto line = [](const std::string& file, const std::string& more = "") {
    return R"({"id": "x", "file": ")" + file + "\"" + more + "}\n";
  };
  const auto answer = [&](const std::string& results) {
    put(folder / "results.jsonl", results);
    return Answers(folder).to("x").filename().string();
  };
  const std::string one = line("x.png", R"(, "k": 0)");
  const std::string several = line("x-0.png", R"(, "k": 0)") + line("x-1.png", R"(, "k": 1)");
  EXPECT_EQ(answer(one), "x.png");
  EXPECT_EQ(answer(one + several), "x-0.png");
  EXPECT_EQ(answer(several + one), "x.png");
  EXPECT_EQ(answer(line("x-1.png", R"(, "k": 1)") + line("x-2.png", R"(, "k": 2)")), "x-1.png");
  EXPECT_EQ(answer(line("x-1.png") + line("x-0.png") + line("x-2.png")), "x-0.png");  // whoever wrote no "k"
  EXPECT_EQ(answer(""), "x.png");
}

TEST(AnswerTo, IsNotThatOfARowWithThatName) {
  const TemporaryFolder folder;
  for (const char* name : {"x-0.png", "y-0.png"}) put(folder / name);
  put(folder / "results.jsonl", R"({"id": "x-0", "file": "x-0.png"})");
  const Answers answers(folder);
  EXPECT_EQ(answers.to("x"), "");
  EXPECT_EQ(answers.to("x-0"), folder / "x-0.png");
  EXPECT_EQ(answers.to("y"), folder / "y-0.png");
}

TEST(AnsweredRows, HaveImagesInTheOrderOfRows) {
  const TemporaryFolder data, folder;
  put(data / "metadata.jsonl", row("k", "1.png") + "{\"id\": \n" + row("c", "2.png") + row("m", "3.png") +
                                   row("x-7", "4.png") + row("t", "5.png", "train"));
  for (const char* name : {"x-7.png", "c-0.jpg", "c-1.jpg", "k.png", "t.png", "contact.png", "sub/u.png", "m-.png"})
    put(folder / name);
  const AnsweredRows answered = answered_rows(folder, data, "test");
  Names ids;
  for (const Row& row : answered.rows) ids.push_back(row.id);
  EXPECT_EQ(ids, (Names{"k", "c", "x-7"}));
  EXPECT_EQ(below(folder, answered.images), (Names{"k.png", "c-0.jpg", "x-7.png"}));
  EXPECT_EQ(answered.missing, Names{"m"});
  EXPECT_EQ(answered.unasked, (Names{"m-.png", "sub/u.png", "t.png"}));
  ASSERT_EQ(answered.faults.size(), 1u);
  EXPECT_NE(answered.faults[0].find("metadata.jsonl:2: "), std::string::npos) << answered.faults[0];
  EXPECT_TRUE(answered_rows(folder, data, "train").missing.empty());
}

TEST(AnsweredRows, FollowResults) {
  const TemporaryFolder data, folder;
  put(data / "metadata.jsonl", row("k", "1.png") + row("c", "2.png") + row("m", "3.png"));
  for (const char* name : {"x.png", "y.png", "k.png", "foreign.png"}) put(folder / name);
  const std::string listed = R"({"id": "c", "file": "x.png"}
{"id": "c", "file": "y.png"}
)";
  put(folder / "results.jsonl", listed + R"({"id": "other", "file": "foreign.png"})");
  const AnsweredRows answered = answered_rows(folder, data, "");
  EXPECT_EQ(below(folder, answered.images), (Names{"k.png", "y.png"}));
  EXPECT_EQ(answered.missing, Names{"m"});
  EXPECT_EQ(answered.unasked, Names{"foreign.png"});
  put(folder / "results.jsonl", "");  // as of a run that was killed
  EXPECT_EQ(below(folder, answered_rows(folder, data, "").images), Names{"k.png"});
}

TEST(AnsweredRows, NeedOneImage) {
  const TemporaryFolder data, folder;
  put(data / "metadata.jsonl", row("k", "1.png") + row("c", "2.png"));
  put(folder / "other.png");
  const std::string error = error_of([&] { answered_rows(folder, data, ""); });
  EXPECT_NE(error.find(folder.path().string() + ": none of the 2 images"), std::string::npos) << error;
  EXPECT_NE(error.find("k.png"), std::string::npos) << error;
}

}  // namespace
}  // namespace cigli
