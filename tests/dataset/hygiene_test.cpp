#include "dataset/hygiene.h"

#include <gtest/gtest.h>

#include "dataset/shapes/renderer.h"
#include "dataset/shapes/sample.h"
#include "runtime/error.h"
#include "runtime/files.h"
#include "samples.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;

class HygieneOfRows : public testing::Test {
 protected:
  // Scenes of the synthetic world, a new one a call.
  Image picture() { return render(make_sample(world_named("shapes-64"), "train", 11, next_++).prompt, 64); }
  std::string image(const Image& pixels) {
    const std::string name = std::to_string(files_++) + ".png";
    write_bytes(folder_ / name, encode_png(pixels));
    return name;
  }
  void row(const std::string& text, const std::string& prompt, const std::string& target,
           const std::string& split = "train") {
    const nlohmann::json object = {{"id", "r" + std::to_string(rows_++)},
                                   {"text", text},
                                   {"prompt_file_name", prompt},
                                   {"target_file_name", target},
                                   {"split", split}};
    lines_ += object.dump() + '\n';
  }
  std::vector<Judgement> judge(const HygieneOptions& options = {}, const fs::path& workspace = {}) {
    write_bytes(folder_ / "metadata.jsonl", lines_);
    Hygiene hygiene(folder_.path(), options, workspace);
    hygiene.look();
    std::vector<Judgement> result;
    hygiene.judge([&](const Row* judged, const Judgement& judgement) {
      EXPECT_EQ(judged == nullptr, judgement.objection == Objection::malformed);
      result.push_back(judgement);
    });
    return result;
  }
  static void expect(const Judgement& judgement, Objection objection, const std::string& part) {
    EXPECT_EQ(name(judgement.objection), name(objection)) << judgement.line << ": " << judgement.reason;
    EXPECT_NE(judgement.reason.find(part), std::string::npos) << judgement.reason << " lacks " << part;
  }

  TemporaryFolder folder_;
  std::string lines_;
  std::int64_t next_ = 0;
  int files_ = 0, rows_ = 0;
};

TEST_F(HygieneOfRows, EveryObjectionHasItsReason) {
  const std::string good = "The second image shows a red circle.";
  const std::string one = image(picture()), two = image(picture()), three = image(picture());
  row(good, one, two);                                                   // line 1
  lines_ += "{\"id\":\n";                                                // 2
  row(good, three, "absent.png");                                        // 3
  row(good, three, image(Image(10, 40, 3)));                             // 4
  row(good, three, image(sample_image(100, 20)));                        // 5
  row(good, image(Image(64, 64, 80)), three);                            // 6
  row("Circles.", three, one);                                           // 7
  row(good, three, image(resize(read_image(folder_ / three), 96, 96)));  // 8
  row(good, two, image(picture()), "val");                               // 9
  row(good, image(picture()), two, "test");                              // 10
  row(good, image(picture()), image(picture()));                         // 11
  row("the SECOND image shows a red circle", "7.png", "8.png");          // 12: pictures of line 11
  const std::vector<Judgement> all = judge();
  ASSERT_EQ(all.size(), 12U);
  expect(all[0], Objection::leak, "its target is also on line 10, in split \"test\"");
  expect(all[1], Objection::malformed, "malformed JSON");
  expect(all[2], Objection::damaged, "target: ");
  expect(all[3], Objection::small, "target: 10x40 pixels, expected at least 16 a side");
  expect(all[4], Objection::aspect, "target: 100x20 pixels, expected no side longer than 4");
  expect(all[5], Objection::blank, "prompt: nothing in it");
  expect(all[6], Objection::caption, "sentence: 1 word");
  expect(all[7], Objection::unchanged, "same picture");
  expect(all[8], Objection::leak, "its prompt is also on line 10");
  expect(all[9], Objection::none, "");
  for (int i = 0; i < 12; ++i) EXPECT_EQ(all[static_cast<std::size_t>(i)].line, i + 1);
}

TEST_F(HygieneOfRows, ObjectionsThatDoNotCount) {
  const std::string one = image(picture()), two = image(picture());
  row("Circles.", one, two);
  row("Paint the circles red.", one, two, "test");
  row("Paint the circles red.", one, two, "test");
  HygieneOptions options;
  options.keep = {"caption", "leak"};
  const std::vector<Judgement> all = judge(options);
  expect(all[0], Objection::none, "");
  expect(all[1], Objection::none, "");
  expect(all[2], Objection::duplicate, "as on line 2");
}

TEST_F(HygieneOfRows, DuplicatesAreLaterRowsOfSameSentenceAndPictures) {
  const Image a = picture(), b = picture();
  const std::string prompt = image(a), target = image(b);
  row("Paint the circles red.", prompt, target);
  row("paint the circles RED", image(a), image(resize(b, 128, 128)));
  row("Paint the squares red.", prompt, target);  // another sentence
  row("Paint the circles red.", prompt, image(picture()));
  const std::vector<Judgement> all = judge();
  expect(all[0], Objection::none, "");
  expect(all[1], Objection::duplicate, "as on line 1");
  expect(all[2], Objection::none, "");
  expect(all[3], Objection::none, "");
}

TEST_F(HygieneOfRows, RepetitionsBeyondALimit) {
  for (const char* colour : {"red", "green", "red", "red", "blue"})
    row(std::string("Paint the circles ") + colour + ".", image(picture()), image(picture()));
  for (const Judgement& judgement : judge()) expect(judgement, Objection::none, "");
  HygieneOptions options;
  options.max_repeats = 2;
  std::vector<Judgement> all = judge(options);
  expect(all[3], Objection::repeated, "3 rows have this sentence, expected at most 2");
  expect(all[4], Objection::none, "");
  options.max_repeats = 0;
  options.max_template = 4;
  all = judge(options);
  expect(all[3], Objection::none, "");
  expect(all[4], Objection::templated, "3 sentences differ from this one in one word");
}

TEST_F(HygieneOfRows, GoesOnWhereItWasInterruptedAndNotWithOtherMetadata) {
  for (int i = 0; i < 5; ++i) row("Paint the circles red.", image(picture()), image(picture()));
  const fs::path workspace = folder_ / "work";
  judge({}, workspace);
  ASSERT_TRUE(fs::exists(workspace / "looks-0"));
  // What was seen is not looked at again: the images may go.
  for (int i = 0; i < files_; ++i) fs::remove(folder_ / (std::to_string(i) + ".png"));
  for (const Judgement& judgement : judge({}, workspace)) expect(judgement, Objection::none, "");
  fs::resize_file(workspace / "looks-0", fs::file_size(workspace / "looks-0") - 1);  // cut short: looked at again
  for (const Judgement& judgement : judge({}, workspace)) expect(judgement, Objection::damaged, "prompt: ");
  for (int i = 0; i < files_; ++i)  // mended: what was objected to is looked at again
    write_bytes(folder_ / (std::to_string(i) + ".png"), encode_png(picture()));
  for (const Judgement& judgement : judge({}, workspace)) expect(judgement, Objection::none, "");
  lines_ = "";
  const std::string good = image(picture());
  row("Paint the circles red.", good, image(picture()));
  for (const Judgement& judgement : judge({}, workspace)) expect(judgement, Objection::none, "");
}

TEST_F(HygieneOfRows, MetadataThatCannotBeReadIsAnError) {
  EXPECT_THROW(Hygiene(folder_ / "absent", {}).look(), Error);
}

}  // namespace
}  // namespace cigli
