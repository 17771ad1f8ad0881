#include "training/sample_grid.h"

#include <gtest/gtest.h>

#include "dataset/tensor_image.h"
#include "tests/training/tiny_run.h"
#include "training/trainer.h"

namespace cigli {
namespace {

TEST(SampleGrid, ShowsPromptGeneratedAndTargetOfTheRowsAskedFor) {
  const TemporaryFolder folder;
  TrainOptions options = tiny_options(make_tiny_dataset(folder / "data", 6), folder / "run");
  Trainer trainer(options);
  const Pack& pack = trainer.data().pack;
  const std::vector<SheetCard> cards = sample_cards(trainer.model(), pack, {3, 1}, 7);
  ASSERT_EQ(cards.size(), 2u);
  const Batch batch = pack.batch({3, 1});
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(cards[i].text, "make it blue");
    ASSERT_EQ(cards[i].images.size(), 3u);
    EXPECT_EQ(cards[i].images[0].pixels, to_image(batch.prompt[static_cast<std::int64_t>(i)]).pixels);
    EXPECT_EQ(cards[i].images[2].pixels, to_image(batch.target[static_cast<std::int64_t>(i)]).pixels);
  }
  // Noise goes by id and seed: a row keeps its image in another order, and gets another one under another seed.
  EXPECT_EQ(sample_cards(trainer.model(), pack, {1, 3}, 7)[1].images[1].pixels, cards[0].images[1].pixels);
  EXPECT_NE(sample_cards(trainer.model(), pack, {3, 1}, 8)[0].images[1].pixels, cards[0].images[1].pixels);
}

}  // namespace
}  // namespace cigli
