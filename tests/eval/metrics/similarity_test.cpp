#include "eval/metrics/similarity.h"

#include <torch/torch.h>

#include <cmath>

#include "tests/eval/metrics/reference.h"
#include "tests/temporary_folder.h"

namespace cigli {
namespace {

using torch::Tensor;

TEST(Similarity, HasItsClosedForms) {
  const Tensor grey = torch::full({2, 3, 16, 12}, 0.5), lighter = torch::full({2, 3, 16, 12}, 0.6);
  EXPECT_NEAR(psnr(grey, lighter)[0].item<double>(), 20, 1e-5);
  EXPECT_TRUE(std::isinf(psnr(grey, grey)[1].item<double>()));
  EXPECT_NEAR(ssim(grey, grey)[0].item<double>(), 1, 1e-12);
  // Without any variance, what is left is how near the means are.
  EXPECT_NEAR(ssim(grey, lighter)[0].item<double>(), (2 * 0.5 * 0.6 + 1e-4) / (0.25 + 0.36 + 1e-4), 1e-6);
  torch::manual_seed(0);
  const Tensor noise = torch::rand({1, 3, 16, 12});
  EXPECT_NEAR(ssim(noise, 1 - noise)[0].item<double>(), ssim(1 - noise, noise)[0].item<double>(), 1e-12);
  EXPECT_LT(ssim(noise, 1 - noise)[0].item<double>(), -0.5);
  EXPECT_NE(error_of([&] { ssim(noise.slice(2, 0, 5), noise.slice(2, 0, 5)); }).find("got 12x5"), std::string::npos);
}

class SimilarityReference : public MetricReference {};

TEST_F(SimilarityReference, MatchesThePackages) {
  const auto images = [&](const std::string& name) {
    return array("pairs/" + name).permute({0, 3, 1, 2}).to(torch::kFloat64) / 255;
  };
  const Tensor a = images("a"), b = images("b");
  const auto reference = expected("pairs");
  for (const int i : {0, 1}) {
    EXPECT_NEAR(psnr(a, b)[i].item<double>(), reference["psnr_per_image_data_range_1"][i].get<double>(), 1e-9);
    EXPECT_NEAR(ssim(a, b)[i].item<double>(), reference["ssim_torchmetrics_float64_data_range_1"][i].get<double>(),
                1e-8);
  }
}

}  // namespace
}  // namespace cigli
