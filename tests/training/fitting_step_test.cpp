#include "training/fitting_step.h"

#include <gtest/gtest.h>

#include "tests/temporary_folder.h"

namespace cigli {
namespace {

// Takes so many pairs.
struct Bounded : Objective {
  explicit Bounded(std::int64_t holds) : holds(holds) {}
  StepReport step(const Batch& pairs, std::int64_t, double) override {
    const auto count = static_cast<std::int64_t>(pairs.texts.size());
    EXPECT_EQ(pairs.prompt.size(0), count);
    EXPECT_EQ(pairs.target.size(0), count);
    if (count > holds) throw c10::OutOfMemoryError({__func__, __FILE__, __LINE__}, "out of memory");
    return {static_cast<double>(count), 0, 0, {}};
  }
  std::int64_t holds;
};

Batch eight_pairs() {
  const std::vector<std::string> names(8, "a");
  return {names, names, torch::zeros({8, 3, 4, 4}), torch::zeros({8, 3, 4, 4})};
}

std::string fault(std::int64_t holds) {
  Bounded objective(holds);
  return error_of([&] { step_if_it_fits(objective, eight_pairs(), 0, 0); });
}

TEST(FittingStep, IsTheObjectivesWhereItFits) {
  Bounded objective(8);
  EXPECT_EQ(step_if_it_fits(objective, eight_pairs(), 0, 0).loss, 8);
}

TEST(FittingStep, ElseSaysHowManyPairsFit) {
  EXPECT_EQ(fault(5), "out of the device's memory with batch_size 8; 4 would have fitted");
  EXPECT_EQ(fault(1), "out of the device's memory with batch_size 8; 1 would have fitted");
  EXPECT_EQ(fault(0), "out of the device's memory with batch_size 8, and one pair does not fit either");
}

}  // namespace
}  // namespace cigli
