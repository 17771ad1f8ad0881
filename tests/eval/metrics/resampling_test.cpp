#include "eval/metrics/resampling.h"

#include <torch/torch.h>

#include "tests/eval/metrics/reference.h"
#include "tests/temporary_folder.h"

namespace cigli {
namespace {

using torch::Tensor;

TEST(Resampling, LeavesWhatHasTheSizeAndKeepsOneColour) {
  torch::manual_seed(0);
  const Tensor image = torch::randint(0, 256, {2, 3, 9, 7}).to(torch::kUInt8);
  for (const Resampling how : {Resampling::tf1_bilinear, Resampling::torch_bilinear, Resampling::clean}) {
    EXPECT_TRUE(torch::allclose(resample(image, 9, 7, how), image.to(torch::kFloat32), 0, 1e-4)) << name(how);
    const Tensor flat = resample(torch::full({1, 3, 5, 40}, 77.0), 11, 13, how);
    EXPECT_EQ(flat.sizes(), (std::vector<std::int64_t>{1, 3, 11, 13}));
    EXPECT_TRUE(torch::allclose(flat, torch::full_like(flat, 77), 0, 1e-3)) << name(how);
    EXPECT_EQ(resampling_named(name(how)), how);
  }
  EXPECT_TRUE(torch::equal(resample_bicubic_bytes(image, 9, 7), image));
  EXPECT_NE(error_of([] { resampling_named("lanczos"); }).find("expected tf1-bilinear"), std::string::npos);
}

class ResamplingReference : public MetricReference {};

TEST_F(ResamplingReference, MatchesTheirOwners) {
  const auto cases = expected("resize")["cases"];
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const Tensor in = array("resize/in" + std::to_string(i)).permute({2, 0, 1}).unsqueeze(0);
    const auto out = [&](const std::string& kind) {
      return array("resize/out" + std::to_string(i) + "_" + kind).permute({2, 0, 1}).unsqueeze(0).to(torch::kFloat64);
    };
    const std::int64_t height = cases[i]["out_hw"][0], width = cases[i]["out_hw"][1];
    const auto apart = [&](const Tensor& found, const std::string& kind) {
      return (found.to(torch::kFloat64) - out(kind)).abs().max().item<double>();
    };
    EXPECT_LT(apart(resample(in, height, width, Resampling::tf1_bilinear), "tf1_bilinear_asymmetric"), 1e-3) << i;
    EXPECT_LT(apart(resample(in, height, width, Resampling::torch_bilinear), "torch_bilinear_half_pixel"), 1e-3) << i;
    EXPECT_LT(apart(resample(in, height, width, Resampling::clean), "pil_bicubic_float_clip_cleanfid"), 1e-3) << i;
    EXPECT_LE(apart(resample_bicubic_bytes(in, height, width), "pil_bicubic_uint8_clip_preprocess"), 1) << i;
  }
}

}  // namespace
}  // namespace cigli
