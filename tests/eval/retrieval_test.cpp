#include "eval/retrieval.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "tests/training/tiny_dataset.h"

namespace cigli {
namespace {

// Pairs that alternate between "make it red" and "make it blue", of different prompts.
struct RetrievalTest : testing::Test {
  TemporaryFolder folder;
  std::string data = make_tiny_dataset(folder / "data", 8);
  Pack pack = [&] {
    PackOptions options;
    options.size = 16;
    pack_dataset(data, folder / "p.pack", options);
    return Pack(folder / "p.pack");
  }();
  std::vector<std::int64_t> rows = pack.indices("train").empty() ? pack.indices("") : pack.indices("train");
};

TEST_F(RetrievalTest, FindsEachPairItself) {
  const Batch batch = pack.batch(rows);
  EXPECT_EQ(Retrieval(pack, rows).nearest(batch.texts, batch.prompt), rows);
}

TEST_F(RetrievalTest, WeighsTheSentenceAgainstThePrompt) {
  const Batch batch = pack.batch({rows[0]});
  const std::vector<std::string> other{"make it blue"};
  ASSERT_EQ(batch.texts[0], "make it red");
  RetrievalOptions options;
  options.text_weight = 100;
  const std::int64_t by_text = Retrieval(pack, rows, options).nearest(other, batch.prompt)[0];
  EXPECT_EQ(pack.text(by_text), "make it blue");
  options.text_weight = 0;
  EXPECT_EQ(Retrieval(pack, rows, options).nearest(other, batch.prompt)[0], rows[0]);
}

TEST_F(RetrievalTest, IsTheFormula) {
  const Batch batch = pack.batch(rows);
  torch::manual_seed(1);
  const torch::Tensor prompt = torch::rand({1, 3, 16, 16}) * 2 - 1;
  RetrievalOptions options;
  options.text_weight = 0;
  options.side = 16;
  const torch::Tensor distance = (batch.prompt - prompt).square().mean({1, 2, 3});
  EXPECT_EQ(Retrieval(pack, rows, options).nearest({"make it red"}, prompt)[0],
            rows[static_cast<std::size_t>(distance.argmin().item<std::int64_t>())]);
}

TEST_F(RetrievalTest, RefusesOtherShapes) {
  EXPECT_THROW(Retrieval(pack, rows).nearest({"a", "b"}, torch::zeros({1, 3, 16, 16})), c10::Error);
  EXPECT_THROW(Retrieval(pack, {}), c10::Error);
}

}  // namespace
}  // namespace cigli
