#pragma once

#include <torch/torch.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "dataset/image.h"
#include "encoders/tokenizer.h"
#include "fusion/pair_scorer.h"

namespace cigli {

// A pair scorer that was trained on a dataset's own pairs, as evaluation uses it: how well images fit sentence and
// prompt, and what it sees in an image. Its file is a safetensors file of format `cigli-scorer-1`: weights, options,
// merges, and the shapes of its images.
class DatasetScorer {
 public:
  DatasetScorer(PairScorer scorer, Tokenizer tokenizer, const ImageSize& prompt, const ImageSize& target);

  // Throws Error as load_model does.
  static DatasetScorer load(const std::filesystem::path& file);
  static DatasetScorer parse(std::string_view bytes, const std::string& name);
  void save(const std::filesystem::path& file) const;  // bfloat16

  // An image as the scorer takes it, float32 [3,H,W] in [-1,1], fitted to its shape of prompts or targets.
  torch::Tensor fitted_prompt(const Image& image) const;
  torch::Tensor fitted_target(const Image& image) const;

  // Of fitted images [B,3,H,W]; float32, no gradients. Keys and queries [B,C,h,w] are compared by pair_scores; `maps`
  // are the image encoder's features, finest first; `features` [B,2D] their mean and deviation over places, by channel.
  torch::Tensor keys(const torch::Tensor& targets) const;
  torch::Tensor queries(const std::vector<std::string>& texts, const torch::Tensor& prompts) const;
  std::vector<torch::Tensor> maps(const torch::Tensor& targets) const;
  torch::Tensor features(const torch::Tensor& targets) const;

  const std::string& hash() const { return hash_; }  // SHA-256 of its file; "" when it came from none

 private:
  PairScorer scorer_;
  Tokenizer tokenizer_;
  ImageSize prompt_, target_;
  std::string hash_;
};

}  // namespace cigli
