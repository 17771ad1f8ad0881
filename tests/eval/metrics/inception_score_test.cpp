#include "eval/metrics/inception_score.h"

#include <torch/torch.h>

#include "runtime/error.h"
#include "tests/eval/metrics/reference.h"
#include "tests/temporary_folder.h"

namespace cigli {
namespace {

TEST(InceptionScore, IsTheNumberOfClassesThatAreToldApart) {
  const torch::Tensor sure = 1000 * torch::eye(5, torch::kFloat64).repeat({4, 1});
  EXPECT_NEAR(inception_score(sure, 1).mean(), 5, 1e-12);
  EXPECT_NEAR(inception_score(sure, 4).deviation(), 0, 1e-12);
  EXPECT_NEAR(inception_score(torch::zeros({8, 5}), 2).mean(), 1, 1e-12);
  EXPECT_NE(error_of([] { inception_score(torch::zeros({3, 2}), 4); }).find("got 3"), std::string::npos);
}

class InceptionScoreReference : public MetricReference {};

TEST_F(InceptionScoreReference, MatchesThePackages) {
  const auto all = expected("inception_score");
  const torch::Tensor order = array("inception_score/permutation_seed2020").to(torch::kInt64);
  for (const std::string name : {"logits", "logits_sharp"}) {
    const torch::Tensor logits = array("inception_score/" + name), shuffled = logits.index_select(0, order);
    const auto values = all[name];
    for (const int splits : {1, 7, 10})
      for (const bool shuffle : {true, false}) {
        const auto reference =
            values["torch_fidelity_splits" + std::to_string(splits) + (shuffle ? "_shuffle_seed2020" : "_no_shuffle")];
        const InceptionScore score = inception_score(shuffle ? shuffled : logits, splits);
        EXPECT_NEAR(score.mean(), reference["inception_score_mean"].get<double>(), 1e-9);
        EXPECT_NEAR(score.deviation(), reference["inception_score_std"].get<double>(), 1e-9);
      }
    const auto floor = values["dgm_eval_splits10_shuffle_seed2020_drops_remainder"];
    EXPECT_NEAR(inception_score(shuffled, 10, Splits::floor).mean(), floor["mean"].get<double>(), 1e-9);
    EXPECT_NEAR(inception_score(shuffled, 10, Splits::floor).deviation(), floor["std"].get<double>(), 1e-9);
    const auto ceil = values["torchmetrics_formula_splits10_no_shuffle"];
    EXPECT_NEAR(inception_score(logits, 10, Splits::ceil).mean(), ceil["mean"].get<double>(), 1e-6);
    EXPECT_NEAR(inception_score(logits, 10, Splits::ceil).deviation(1), ceil["std_ddof1"].get<double>(), 1e-6);
  }
}

}  // namespace
}  // namespace cigli
