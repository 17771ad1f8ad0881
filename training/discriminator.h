#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <vector>

#include "decoder/generator.h"
#include "encoders/layers/linear.h"
#include "encoders/text_encoder.h"
#include "training/gan_options.h"

namespace cigli {

// Image to features: convolutions at halving resolutions with shortcuts and no normalisation (the discriminator's
// blocks of DF-GAN, Tao et al. 2022), so that its gradient can be differentiated again. [B,3,H,W] -> [B,C,h,w].
struct DownsamplerImpl : torch::nn::Module {
  DownsamplerImpl(std::int64_t patch, const std::vector<std::int64_t>& widths);
  torch::Tensor forward(const torch::Tensor& image);
  std::int64_t patch;
  Conv3x3 in;
  torch::nn::ModuleList shrink, refine, shortcut;
};
TORCH_MODULE(Downsampler);

// What an image is judged against.
struct JudgedCondition {
  torch::Tensor sentence;  // [B,S]
  torch::Tensor prompt;    // [B,P,h,w]
};

// Matching-aware discriminator with one output (Tao et al. 2022): does this image belong to this text and this image
// prompt? It reads both through encoders of its own.
struct DiscriminatorImpl : torch::nn::Module {
  // For images of the model's size and texts of its tokenizer. Error when the coarsest cells don't divide the image, a
  // prompt is smaller than its coarsest cell or no multiple of the finest, or the heads don't divide the text's width.
  DiscriminatorImpl(const DiscriminatorOptions& options, const ModelOptions& model, std::int64_t vocabulary);
  // Image [B,3,H,W] -> [B,C,h,w].
  torch::Tensor features(const torch::Tensor& image);
  // Sentences, and prompts [B,3,Hp,Wp].
  JudgedCondition condition(const TokenBatch& text, const torch::Tensor& prompt);
  // One logit a row [B] float32, positive for a real image that matches.
  torch::Tensor judge(const torch::Tensor& features, const JudgedCondition& condition);

  std::int64_t height, width;  // of the coarsest feature map
  Downsampler image, prompt;
  TextEncoder text;
  torch::nn::Linear sentence;
  Conv3x3 joint1, joint2;
  torch::nn::Conv2d out;
};
TORCH_MODULE(Discriminator);

}  // namespace cigli
