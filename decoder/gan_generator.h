#pragma once

#include <torch/torch.h>

#include <cstdint>

#include "decoder/denoiser.h"
#include "encoders/layers/group_norm.h"
#include "encoders/layers/linear.h"

namespace cigli {

// leaky_relu((1 + s) x + h) on x [B,C,H,W], where s and h [B,C] are linear in an embedding [B,E] and start at 0 (the
// affine transformation of DF-GAN, Tao et al. 2022, eq. 5-7; the first layer of its perceptrons is the embedding, which
// all of them share).
struct AffineModulationImpl : torch::nn::Module {
  AffineModulationImpl(std::int64_t channels, std::int64_t embedding);
  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& embedding);
  torch::nn::Linear affine;
};
TORCH_MODULE(AffineModulation);

// Deep fusion block (Tao et al. 2022, fig. 4): two modulations and a 3x3 convolution, twice, around a shortcut.
// [B,in,H,W] -> [B,out,H,W].
struct DeepFusionBlockImpl : torch::nn::Module {
  DeepFusionBlockImpl(std::int64_t in, std::int64_t out, std::int64_t embedding);
  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& embedding);
  AdaptiveGroupNorm norm1, norm2;
  AffineModulation modulate1, modulate2, modulate3, modulate4;
  Conv3x3 conv1, conv2;
  torch::nn::Conv2d shortcut{nullptr};
};
TORCH_MODULE(DeepFusionBlock);

// One-stage conditional generator (DF-GAN): a latent vector becomes the coarsest feature map, blocks modulated by
// latent and pooled condition refine it and double it up to cells of `patch` pixels; a convolution draws the image,
// over the prompt where the condition has its pixels, without DF-GAN's tanh (as StyleGAN2, Karras et al. 2020): where
// backgrounds are white, a reconstruction term drives the tanh into saturation all over, and no gradient leads back.
// What a condition gives in places is added where it stands: the map before the blocks behind the first doubling, the
// details behind the second (or at the finest resolution, where there are fewer).
struct GanGeneratorImpl : DenoiserImpl {
  // Error when the image has fewer places than the latent vector has values, a resolution has no block, or its channels
  // don't divide into groups of 16.
  GanGeneratorImpl(const DecoderOptions& options, const ConditionWidths& condition, std::int64_t height,
                   std::int64_t width);
  // The image, [-1,1] where it is well trained. Of x only the first values of its first channel are read, as the latent
  // vector; t is not.
  torch::Tensor forward(const torch::Tensor& x, const FlowPoint& at, const ReadCondition& condition) override;

  DecoderOptions options;
  std::int64_t base_height, base_width;  // cells at the coarsest resolution
  std::int64_t map_at, details_at;       // the resolutions that these join, 0 = finest
  torch::nn::Linear embed, seed;
  torch::nn::Conv2d map_in{nullptr}, details_in{nullptr};
  torch::nn::ModuleList blocks;  // from the coarsest resolution to the finest
  Conv3x3 out;
};

}  // namespace cigli
