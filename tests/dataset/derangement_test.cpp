#include "dataset/derangement.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "runtime/error.h"

namespace cigli {
namespace {

std::vector<std::string> numbered(std::size_t count, std::size_t distinct) {
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < count; ++i) keys.push_back(std::to_string(i % distinct));
  return keys;
}

TEST(Derangement, IsAPermutationWithoutFixedPoints) {
  for (const std::size_t count : {2, 3, 10, 1000}) {
    const std::vector<std::size_t> image = derangement(numbered(count, count), 5);
    EXPECT_EQ(std::set<std::size_t>(image.begin(), image.end()).size(), count);
    for (std::size_t i = 0; i < count; ++i) EXPECT_NE(image[i], i);
  }
}

TEST(Derangement, DependsOnTheSeedAlone) {
  const std::vector<std::string> keys = numbered(50, 50);
  EXPECT_EQ(derangement(keys, 1), derangement(keys, 1));
  EXPECT_NE(derangement(keys, 1), derangement(keys, 2));
}

TEST(Derangement, ReachesEveryCycleAlike) {
  std::map<std::vector<std::size_t>, int> counts;
  for (std::uint64_t seed = 0; seed < 1200; ++seed) ++counts[derangement(numbered(4, 4), seed)];
  EXPECT_EQ(counts.size(), 6u);  // 3! cycles of four
  for (const auto& [image, count] : counts) EXPECT_NEAR(count, 200, 60);
}

TEST(Derangement, GivesOtherKeysWherePossible) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const std::vector<std::string> keys = numbered(40, 3);
    const std::vector<std::size_t> image = derangement(keys, seed);
    std::size_t same = 0;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      EXPECT_NE(image[i], i);
      same += keys[image[i]] == keys[i];
    }
    EXPECT_EQ(same, 0u);
    EXPECT_EQ(std::set<std::size_t>(image.begin(), image.end()).size(), keys.size());
  }
  const std::vector<std::size_t> alike = derangement({"x", "x", "x"}, 1);  // nothing else to give
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NE(alike[i], i);
}

TEST(Derangement, NeedsTwo) { EXPECT_THROW(derangement({"x"}, 1), Error); }

}  // namespace
}  // namespace cigli
