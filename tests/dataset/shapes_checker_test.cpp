#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "dataset/parallel.h"
#include "dataset/shapes/checker.h"
#include "dataset/shapes/reader.h"
#include "dataset/shapes/renderer.h"
#include "dataset/shapes/sample.h"
#include "dataset/shapes/synth.h"
#include "runtime/error.h"

namespace cigli {
namespace {

using Damage = void (*)(Image&, std::int64_t);

cv::Mat3b as_matrix(Image& image) {
  return {static_cast<int>(image.height), static_cast<int>(image.width),
          reinterpret_cast<cv::Vec3b*>(image.pixels.data())};
}

void none(Image&, std::int64_t) {}

void blur(Image& image, std::int64_t) {
  cv::Mat3b pixels = as_matrix(image);
  cv::GaussianBlur(pixels, pixels, {0, 0}, 1);
}

void noise(Image& image, std::int64_t seed) {
  Philox random(42, static_cast<std::uint64_t>(seed));
  for (std::uint8_t& value : image.pixels) value = cv::saturate_cast<std::uint8_t>(value + 8 * random.normal());
}

void jpeg(Image& image, std::int64_t) {
  cv::Mat3b pixels = as_matrix(image);
  cv::cvtColor(pixels, pixels, cv::COLOR_RGB2BGR);
  std::vector<uchar> bytes;
  cv::imencode(".jpg", pixels, bytes, {cv::IMWRITE_JPEG_QUALITY, 50});
  cv::cvtColor(cv::imdecode(bytes, cv::IMREAD_COLOR), pixels, cv::COLOR_BGR2RGB);
}

// Share of true pairs that the checker accepts, in per cent.
double accepted(const std::string& which, std::int64_t count, std::int64_t size, Damage damage) {
  const World& world = world_named(which);
  std::atomic<std::int64_t> right{0};
  for_each_parallel(count, 0, [&](std::int64_t i) {
    const Sample sample = make_sample(world, i % 8 == 0 ? "test" : "train", 11, i);
    Image image = render(sample.target, size);
    damage(image, i);
    right += check(world, sample.prompt, sample.program, image).holds;
  });
  return 100.0 * static_cast<double>(right) / static_cast<double>(count);
}

TEST(ShapesCheckerSlow, AcceptsTruePairsOfTheBenchmark) { EXPECT_GE(accepted("shapes-64", 10000, 64, none), 99.5); }
TEST(ShapesCheckerSlow, AcceptsThemBlurred) { EXPECT_GE(accepted("shapes-64", 10000, 64, blur), 97); }
TEST(ShapesCheckerSlow, AcceptsThemNoisy) { EXPECT_GE(accepted("shapes-64", 10000, 64, noise), 97); }
TEST(ShapesCheckerSlow, AcceptsThemAsJpeg) { EXPECT_GE(accepted("shapes-64", 10000, 64, jpeg), 97); }

TEST(ShapesCheckerSlow, AcceptsTruePairsOfTheRichWorld) {
  EXPECT_GE(accepted("shapes-rich", 4000, 64, none), 99.5);
  EXPECT_GE(accepted("shapes-rich", 2000, 64, blur), 97);
  EXPECT_GE(accepted("shapes-rich", 2000, 64, noise), 97);
  EXPECT_GE(accepted("shapes-rich", 2000, 64, jpeg), 97);
}

TEST(ShapesCheckerSlow, AcceptsTruePairsAtEveryResolution) {
  for (const std::string& world : world_names())
    for (const std::int64_t size : {32, 48, 100, 128, 256}) EXPECT_GE(accepted(world, 1000, size, none), 99) << size;
}

// A change of one object that the program has fixed, drawn at random; nothing where it has fixed none.
std::optional<Scene> damaged(const Sample& sample, Philox& random) {
  Scene scene = sample.target;
  const Outcome outcome = outcomes(*sample.world, sample.prompt, sample.program).at(0);
  std::vector<std::size_t> fixed;
  for (std::size_t i = 0; i < scene.objects.size(); ++i)
    for (const Wanted& wanted : outcome)
      if (!wanted.any_place && wanted.object == scene.objects[i]) fixed.push_back(i);
  if (fixed.empty()) return std::nullopt;
  Object& object = scene.objects[pick(fixed, random)];
  const Object before = object;
  switch (random.below(4)) {
    case 0:
      while (object.colour == before.colour) object.colour = pick(sample.world->colours, random);
      break;
    case 1:
      while (object.shape == before.shape) object.shape = pick(sample.world->shapes, random);
      break;
    case 2: {
      const double angle = 6.283 * random.uniform();
      object.x += 8 * std::cos(angle);
      object.y += 8 * std::sin(angle);
      break;
    }
    default:
      scene.objects.erase(scene.objects.begin() + (&object - scene.objects.data()));
  }
  return scene;
}

TEST(ShapesCheckerSlow, RejectsWhatIsWrongInOneObject) {
  for (const std::string& which : world_names()) {
    std::atomic<int> edits{0}, passed{0};
    for_each_parallel(4000, 0, [&](std::int64_t i) {
      const Sample sample = make_sample(world_named(which), "train", 12, i);
      Philox random(13, static_cast<std::uint64_t>(i));
      const auto wrong = damaged(sample, random);
      if (!wrong) return;
      ++edits;
      passed += check(*sample.world, sample.prompt, sample.program, render(*wrong, 64)).holds;
    });
    EXPECT_GT(edits, 3000);
    EXPECT_LE(passed, edits / 200) << which;
  }
}

Scene two(const Object& a, const Object& b) {
  Scene scene;
  scene.objects = {a, b};
  return scene;
}

TEST(ShapesReader, ReadsShapeColourPlaceAndSize) {
  const World& world = world_named("shapes-rich");
  Philox random(1);
  for (int i = 0; i < 50; ++i) {
    const Scene scene = draw_scene(world, 5, random);
    const Reading reading = read_scene(render(scene, 64), world);
    EXPECT_TRUE(reading.unclear.empty());
    ASSERT_EQ(reading.scene.objects.size(), 5U);
    EXPECT_EQ(reading.scene.background, scene.background);
    for (const Object& o : scene.objects)
      EXPECT_TRUE(std::any_of(reading.scene.objects.begin(), reading.scene.objects.end(),
                              [&](const Object& r) {
                                return r.shape == o.shape && r.colour == o.colour && distance(r, o) < 0.5 &&
                                       std::abs(r.radius - o.radius) < 0.7;
                              }))
          << name(o.colour) << ' ' << name(o.shape);
  }
}

TEST(ShapesReader, TakesTouchingObjectsApart) {
  const World& world = world_named("shapes-64");
  const Scene one_colour = two({Shape::circle, Colour::red, 22, 32, 7}, {Shape::circle, Colour::red, 35.5, 32, 7});
  EXPECT_EQ(read_scene(render(one_colour, 64), world).scene.objects.size(), 2U);
  const Scene two_colours = two({Shape::square, Colour::red, 22, 32, 7}, {Shape::circle, Colour::green, 34.5, 32, 7});
  const Reading reading = read_scene(render(two_colours, 64), world);
  EXPECT_TRUE(reading.unclear.empty());
  ASSERT_EQ(reading.scene.objects.size(), 2U);
  EXPECT_NE(reading.scene.objects[0].colour, reading.scene.objects[1].colour);
}

TEST(ShapesReader, SeesNothingInABlankImageAndFaultInABlob) {
  const World& world = world_named("shapes-64");
  const Reading blank = read_scene(Image(64, 64, 230), world);
  EXPECT_TRUE(blank.scene.objects.empty());
  EXPECT_TRUE(blank.unclear.empty());
  Image image(64, 64, 230);
  cv::Mat3b pixels = as_matrix(image);
  cv::rectangle(pixels, {10, 30}, {55, 36}, cv::Scalar(215, 35, 40), cv::FILLED);
  const Reading bar = read_scene(image, world);
  EXPECT_TRUE(bar.scene.objects.empty());
  EXPECT_EQ(bar.unclear.size(), 1U);
  pixels.setTo(cv::Scalar(230, 230, 230));
  cv::circle(pixels, {30, 30}, 7, cv::Scalar(20, 20, 20), cv::FILLED);
  EXPECT_EQ(read_scene(image, world).unclear.size(), 1U) << "black is no colour of this world";
}

TEST(ShapesReader, ForgivesSpecks) {
  const World& world = world_named("shapes-64");
  Image image = render(two({Shape::square, Colour::red, 20, 32, 7}, {Shape::circle, Colour::green, 44, 32, 7}), 64);
  for (const std::int64_t x : {5, 6, 60}) std::copy_n(rgb(Colour::blue).data(), 3, image.at(x, 5));
  const Reading reading = read_scene(image, world);
  EXPECT_EQ(reading.scene.objects.size(), 2U);
  EXPECT_TRUE(reading.unclear.empty());
}

TEST(ShapesChecker, RefusesOddImages) {
  const Sample sample = make_sample(world_named("shapes-64"), "train", 1, 0);
  const auto holds = [&](const Image& image) {
    return check(*sample.world, sample.prompt, sample.program, image).holds;
  };
  EXPECT_TRUE(holds(render(sample.target, 64)));
  EXPECT_TRUE(holds(render(sample.target, 512)));
  EXPECT_FALSE(holds(Image(64, 48, 200)));
  EXPECT_FALSE(holds(Image(8, 8, 200)));
  EXPECT_FALSE(holds(Image()));
  EXPECT_FALSE(holds(Image(64, 64, 0)));
  Image noisy(64, 64);
  Philox random(3);
  for (std::uint8_t& value : noisy.pixels) value = static_cast<std::uint8_t>(random.below(256));
  EXPECT_FALSE(holds(noisy));
}

TEST(ShapesChecker, RefusesAnotherBackground) {
  const Sample sample = make_sample(world_named("shapes-64"), "train", 1, 0);
  Scene dark = sample.target;
  dark.background = {120, 120, 120};
  EXPECT_EQ(check(*sample.world, sample.prompt, sample.program, render(dark, 64)).reason, "the background has changed");
}

TEST(ShapesChecker, NamesTheReason) {
  for (const std::string& which : world_names()) {
    const World& world = world_named(which);
    for (std::int64_t i = 0; i < 100; ++i) {
      const Sample sample = make_sample(world, "train", 2, i);
      const Verdict blank = check(world, sample.prompt, sample.program, Image(64, 64, 230));
      EXPECT_FALSE(blank.holds);
      EXPECT_FALSE(blank.reason.empty());
    }
  }
}

TEST(ShapesChecker, JudgesARowFromTheRowAlone) {
  for (const std::string& which : world_names())
    for (std::int64_t i = 0; i < 44; ++i) {
      const Sample sample = make_sample(world_named(which), "val", 3, i);
      const auto row = nlohmann::ordered_json::parse(synth_row(sample, "x", 0, 64).dump());
      const Verdict verdict = check_row(row, render(sample.target, 64));
      EXPECT_TRUE(verdict.holds) << sample.text << ' ' << verdict.reason;
      EXPECT_FALSE(check_row(row, render(sample.prompt, 64)).holds) << sample.text;
    }
}

TEST(ShapesChecker, NamesARowWithoutUsableProgram) {
  const Sample sample = make_sample(world_named("shapes-64"), "val", 3, 1);
  const auto good = synth_row(sample, "val-17", 0, 64);
  const Image image = render(sample.target, 64);
  const auto complains = [&](const nlohmann::ordered_json& row, const std::string& about) {
    try {
      check_row(row, image);
      ADD_FAILURE() << "no error: " << row.dump();
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find(about), std::string::npos) << e.what();
    }
  };
  auto row = good;
  row.erase("program");
  complains(row, "val-17");
  for (const char* key : {"world", "family", "arguments", "prompt"}) {
    row = good;
    row["program"].erase(key);
    complains(row, "val-17");
    row["program"][key] = 7;
    complains(row, "val-17");
  }
  row = good;
  row["program"]["world"] = "shapes-9";
  complains(row, "shapes-9");
  row = good;
  row["program"]["prompt"]["objects"] = nlohmann::ordered_json::array();
  complains(row, "val-17");
  complains(nlohmann::ordered_json::array(), "row");
}

}  // namespace
}  // namespace cigli
