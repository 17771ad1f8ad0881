#pragma once

#include <torch/torch.h>

#include <string>

#include "fusion/fusion.h"

namespace cigli {

// What the encoders would give for three pairs: text [3,6,24], the second of 4 tokens; image tokens [3,40,2,5], details
// [3,16,4,10], pixels [3,3,8,20].
struct FusionInputs {
  TextFeatures text;
  ImageFeatures image;
};

inline FusionInputs random_fusion_inputs(std::uint64_t seed) {
  torch::manual_seed(seed);
  FusionInputs in;
  in.text = {torch::randn({3, 6, 24}), torch::ones({3, 6}, torch::kBool)};
  in.text.mask[1].slice(0, 4) = false;
  in.image = {{torch::randn({3, 40, 2, 5}), torch::randn({3, 16, 4, 10})}, torch::randn({3, 3, 8, 20})};
  return in;
}

// A fusion of width 32 for those inputs, with random parameters.
inline Fusion make_random_fusion(const std::string& kind, const std::string& inputs = "both") {
  FusionOptions options;
  options.kind = kind;
  options.width = 32;
  options.inputs = inputs;
  const Fusion fusion = make_fusion(options, {24, 40, 16});
  const torch::NoGradGuard no_grad;
  torch::manual_seed(7);
  for (auto& p : fusion->parameters()) p.normal_(0, 0.1);
  return fusion;
}

inline std::int64_t weights_of(const Fusion& fusion) {
  std::int64_t weights = 0;
  for (const auto& p : fusion->parameters()) weights += p.numel();
  return weights;
}

inline double worst(const torch::Tensor& difference) { return difference.abs().max().item<double>(); }

}  // namespace cigli
