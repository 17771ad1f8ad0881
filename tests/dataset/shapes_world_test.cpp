#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "dataset/shapes/renderer.h"
#include "dataset/shapes/sample.h"
#include "runtime/error.h"

namespace cigli {
namespace {

TEST(ShapesWorld, TheBenchmarkIsAsDescribed) {
  const World& world = world_named("shapes-64");
  EXPECT_EQ(world.max_objects, 5);
  EXPECT_EQ(world.shapes, (std::vector<Shape>{Shape::circle, Shape::square, Shape::triangle}));
  EXPECT_EQ(world.colours.size(), 4U);
  std::vector<std::string> families;
  for (const Family family : world.families) families.push_back(name(family));
  EXPECT_EQ(families, (std::vector<std::string>{"add", "recolour", "all-same", "mirror", "keep-shape", "keep-colour",
                                                "remove-shape", "remove-colour", "reshape", "recolour-shape"}));
}

TEST(ShapesWorld, TheRichWorldHasMoreOfEverything) {
  const World& world = world_named("shapes-rich");
  EXPECT_EQ(world.max_objects, 6);
  EXPECT_GE(world.shapes.size(), 5U);
  EXPECT_GE(world.colours.size(), 7U);
  EXPECT_GE(world.families.size(), 16U);
  EXPECT_TRUE(world.sizes);
  EXPECT_THROW(world_named("shapes-65"), Error);
}

TEST(ShapesWorld, SignaturesStandInTheOrderOfTheFamilies) {
  for (std::size_t i = 0; i < signatures().size(); ++i)
    EXPECT_EQ(static_cast<std::size_t>(signatures()[i].family), i) << signatures()[i].name;
}

TEST(ShapesWorld, ObjectsKeepAGapAndBackgroundsVaryButStayFarFromThePalette) {
  for (const std::string& which : world_names()) {
    const World& world = world_named(which);
    Philox random(1);
    std::set<Rgb> backgrounds;
    for (int i = 0; i < 600; ++i) {
      const int count = 1 + i % world.max_objects;
      const Scene scene = draw_scene(world, count, random);
      ASSERT_EQ(scene.objects.size(), static_cast<std::size_t>(count));
      ASSERT_TRUE(well_spaced(scene));
      backgrounds.insert(scene.background);
      for (const Colour colour : all_colours()) ASSERT_GT(distance(scene.background, rgb(colour)), 100) << name(colour);
    }
    EXPECT_GT(backgrounds.size(), 400U);
  }
}

// Outlines drawn one by one, each on its own canvas: no pixel may be within two pixels of two objects.
TEST(ShapesWorld, GapsAreSeenInPixels) {
  const World& world = world_named("shapes-rich");
  Philox random(2);
  for (int i = 0; i < 100; ++i) {
    const Scene scene = draw_scene(world, 6, random);
    cv::Mat1f near(64, 64, 0.0F);
    for (const Object& o : scene.objects) {
      const cv::Mat1f own = coverage(o.shape, o.x, o.y, o.radius, {0, 0, 64, 64});
      for (int y = 0; y < 64; ++y)
        for (int x = 0; x < 64; ++x) {
          if (own(y, x) < 0.5F) continue;
          ASSERT_TRUE(x >= 1 && y >= 1 && x <= 62 && y <= 62) << "an object is cut off";
          ASSERT_EQ(near(y, x), 0.0F) << "an object is nearer than two pixels to another";
        }
      for (int y = 0; y < 64; ++y)
        for (int x = 0; x < 64; ++x)
          for (int dy = -2; dy <= 2; ++dy)
            for (int dx = -2; dx <= 2; ++dx)
              if (dx * dx + dy * dy <= 4 && own(y, x) >= 0.5F)
                near(std::clamp(y + dy, 0, 63), std::clamp(x + dx, 0, 63)) = 1;
    }
  }
}

TEST(ShapesRenderer, CoversItsAreaAtItsPlaceAtEveryResolution) {
  for (const Shape shape : all_shapes())
    for (const int size : {32, 64, 100, 256}) {
      const double scale = size / scene_side, radius = 8 * scale;
      const cv::Mat1f share = coverage(shape, 30.5 * scale, 25 * scale, radius, {0, 0, size, size});
      double sum = 0, x = 0, y = 0;
      for (int row = 0; row < size; ++row)
        for (int column = 0; column < size; ++column) {
          sum += share(row, column);
          x += share(row, column) * (column + 0.5);
          y += share(row, column) * (row + 0.5);
        }
      EXPECT_NEAR(sum / (area(shape) * radius * radius), 1, 0.35 / radius) << name(shape) << size;
      EXPECT_NEAR(x / sum / scale, 30.5, 0.15) << name(shape) << size;
      EXPECT_NEAR(y / sum / scale, 25, 0.15) << name(shape) << size;
    }
}

TEST(ShapesRenderer, PaintsPaletteColoursOnTheBackgroundWithSoftEdges) {
  Scene scene;
  scene.background = {220, 225, 230};
  scene.objects.push_back({Shape::circle, Colour::blue, 20, 40, 8});
  const Image image = render(scene, 128);
  const std::uint8_t *inside = image.at(40, 80), *outside = image.at(100, 20);
  EXPECT_EQ((Rgb{inside[0], inside[1], inside[2]}), rgb(Colour::blue));
  EXPECT_EQ((Rgb{outside[0], outside[1], outside[2]}), scene.background);
  int soft = 0;
  for (std::int64_t i = 0; i < 128 * 128; ++i) {
    const std::uint8_t red = image.pixels[static_cast<std::size_t>(3 * i)];
    soft += red != rgb(Colour::blue)[0] && red != 220;
  }
  EXPECT_GT(soft, 40);
  EXPECT_LT(soft, 200);
}

TEST(ShapesScene, JsonRoundTripAndFaults) {
  Philox random(3);
  const Scene scene = draw_scene(world_named("shapes-rich"), 6, random);
  const auto json = nlohmann::ordered_json::parse(to_json(scene).dump());
  EXPECT_EQ(scene_from_json(json, "here"), scene);
  auto broken = json;
  broken["objects"][2]["shape"] = "blob";
  EXPECT_THROW(scene_from_json(broken, "here"), Error);
  EXPECT_THROW(scene_from_json(nlohmann::ordered_json::array(), "here"), Error);
}

TEST(ShapesScene, KeyIgnoresOrderAndBackground) {
  Philox random(4);
  Scene scene = draw_scene(world_named("shapes-64"), 4, random);
  const std::string key = scene_key(scene);
  std::reverse(scene.objects.begin(), scene.objects.end());
  scene.background = {201, 202, 203};
  EXPECT_EQ(scene_key(scene), key);
  scene.objects[0].x += 0.5;
  EXPECT_NE(scene_key(scene), key);
}

TEST(ShapesSplit, HeldOutCombinationsLeaveEveryColourAndShapeInEveryFamily) {
  for (const std::string& which : world_names()) {
    const World& world = world_named(which);
    for (const Family family : world.families) {
      std::size_t held = 0;
      for (const Colour colour : world.colours) {
        std::size_t left = 0;
        for (const Shape shape : world.shapes) {
          held += held_out(world, family, colour, shape);
          left += !held_out(world, family, colour, shape);
        }
        EXPECT_GE(2 * left, world.shapes.size()) << name(family) << ' ' << name(colour);
      }
      for (const Shape shape : world.shapes)
        EXPECT_TRUE(std::any_of(world.colours.begin(), world.colours.end(),
                                [&](Colour colour) { return !held_out(world, family, colour, shape); }));
      const double share = double(held) / double(world.colours.size() * world.shapes.size());
      EXPECT_GE(share, 0.15) << name(family);
      EXPECT_LE(share, 0.2) << name(family);
    }
  }
}

TEST(ShapesSplit, EachSplitHoldsItsShareOfHeldOutThings) {
  for (const std::string& which : world_names()) {
    const World& world = world_named(which);
    const auto round = static_cast<std::int64_t>(world.families.size());
    for (const std::string& split : split_names()) {
      std::map<Family, int> families, unseen, new_words;
      const std::int64_t count = 16 * round;
      for (std::int64_t i = 0; i < count; ++i) {
        const Sample sample = make_sample(world, split, 9, i);
        ASSERT_EQ(split_of(sample.prompt), split);
        ASSERT_EQ(sample.seen, !combination_held_out(world, sample.prompt, sample.target, sample.program));
        ++families[sample.program.family];
        unseen[sample.program.family] += !sample.seen;
        new_words[sample.program.family] += !sample.paraphrase_seen;
      }
      for (const Family family : world.families) {
        EXPECT_EQ(families[family], 16);
        EXPECT_EQ(unseen[family], split == "train" ? 0 : 8) << name(family);
        EXPECT_EQ(new_words[family], split == "train" ? 0 : 4) << name(family);
      }
    }
  }
}

TEST(ShapesSplit, DependsOnTheSceneNotOnTheSeed) {
  const World& world = world_named("shapes-64");
  std::map<std::string, std::string> split_of_key;
  for (const std::uint64_t seed : {1U, 2U})
    for (const std::string& split : split_names())
      for (std::int64_t i = 0; i < 400; ++i) {
        const Sample sample = make_sample(world, split, seed, i);
        const auto [entry, fresh] = split_of_key.emplace(scene_key(sample.prompt), split);
        ASSERT_EQ(entry->second, split) << "a prompt stands in two splits";
      }
  EXPECT_GT(split_of_key.size(), 2300U) << "prompts repeat";
}

TEST(ShapesSplit, EightInTenScenesAreForTraining) {
  Philox random(5);
  std::map<std::string, int> count;
  for (int i = 0; i < 5000; ++i) ++count[split_of(draw_scene(world_named("shapes-64"), 3, random))];
  EXPECT_NEAR(count["train"], 4000, 150);
  EXPECT_NEAR(count["val"], 500, 110);
  EXPECT_NEAR(count["test"], 500, 110);
}

TEST(ShapesSample, StandsOnItsOwn) {
  const World& world = world_named("shapes-rich");
  const Sample one = make_sample(world, "val", 3, 77), again = make_sample(world, "val", 3, 77);
  EXPECT_EQ(one.prompt, again.prompt);
  EXPECT_EQ(one.target, again.target);
  EXPECT_EQ(one.text, again.text);
  EXPECT_FALSE(one.prompt == make_sample(world, "val", 4, 77).prompt);
  EXPECT_FALSE(one.prompt == make_sample(world, "val", 3, 78).prompt);
}

TEST(ShapesSample, ScenesHaveOneToTheMostObjectsAndAreWellSpaced) {
  for (const std::string& which : world_names()) {
    const World& world = world_named(which);
    std::map<std::size_t, int> counts;
    for (std::int64_t i = 0; i < 1000; ++i) {
      const Sample sample = make_sample(world, "train", 6, i);
      ++counts[sample.prompt.objects.size()];
      ASSERT_TRUE(well_spaced(sample.prompt));
      ASSERT_TRUE(well_spaced(sample.target));
      ASSERT_EQ(sample.prompt.background, sample.target.background);
      ASSERT_GE(sample.target.objects.size(), 1U);
      ASSERT_LE(sample.target.objects.size(), static_cast<std::size_t>(world.max_objects));
    }
    EXPECT_EQ(counts.begin()->first, 1U);
    EXPECT_EQ(counts.rbegin()->first, static_cast<std::size_t>(world.max_objects));
    for (const auto& [objects, times] : counts) EXPECT_GT(times, 40) << objects << " objects";
  }
}

}  // namespace
}  // namespace cigli
