#include "eval/rows.h"

#include <gtest/gtest.h>

#include <set>

#include "dataset/shapes/synth.h"
#include "tests/temporary_folder.h"

namespace cigli {
namespace {

std::string cluster_from(const std::string& source, const std::string& identifier) {
  Row row;
  row.id = "some-" + identifier;
  row.text = "there is a box";
  row.prompt_file_name = identifier + ".png";
  row.object["source"] = source;
  if (!identifier.empty()) row.object["identifier"] = identifier;
  return cluster_of(row);
}

TEST(ClusterOf, IsANumberOfNlvr1AndAnImageSetOfNlvr2) {
  EXPECT_EQ(cluster_from("nlvr1", "12-0"), "12");
  EXPECT_EQ(cluster_from("nlvr1", "12-3"), "12");
  EXPECT_EQ(cluster_from("nlvr1", ""), "there is a box");
  EXPECT_EQ(cluster_from("nlvr2", "dev-850-0-0"), "dev-850");
  EXPECT_EQ(cluster_from("nlvr2", "dev-850-2-1"), "dev-850");
  EXPECT_NE(cluster_from("nlvr2", "dev-851-0-0"), "dev-850");
  EXPECT_EQ(cluster_from("photos", "dev-850-0-0"), "dev-850-0-0.png");
}

TEST(ClusterOf, IsThePromptOfOtherRowsElseTheirOwn) {
  Row row;
  row.id = "a";
  EXPECT_EQ(cluster_of(row), "a");
  row.prompt_file_name = "p.png";
  EXPECT_EQ(cluster_of(row), "p.png");
}

TEST(ClusterOf, SyntheticPairsOfOnePromptShareIt) {
  const TemporaryFolder folder;
  for (const std::int64_t per_prompt : {1, 4}) {
    SynthOptions options;
    options.out = (folder / std::to_string(per_prompt)).string();
    options.count = 24;
    options.seed = 1;
    options.size = 32;
    options.split = "test";
    options.per_prompt = per_prompt;
    synthesise(options, [](std::int64_t) {});
    std::set<std::string> clusters;
    std::vector<std::string> in_order;
    for (const Row& row : read_metadata_strict(options.out)) {
      in_order.push_back(cluster_of(row));
      clusters.insert(in_order.back());
    }
    EXPECT_EQ(clusters.size(), static_cast<std::size_t>(24 / per_prompt));
    EXPECT_EQ(in_order[0] == in_order[3], per_prompt == 4);
  }
}

}  // namespace
}  // namespace cigli
