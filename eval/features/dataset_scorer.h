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
  void to(torch::Device device);  // that it computes on; what it takes may lie anywhere, what it gives is on the CPU

  // An image as the scorer takes it, float32 [3,H,W] in [-1,1], fitted to its shape of prompts or targets.
  torch::Tensor fitted_prompt(const Image& image) const;
  torch::Tensor fitted_target(const Image& image) const;

  // What it sees in targets; float32, no gradients.
  struct View {
    torch::Tensor key;                // [B,C,h,w], which pair_scores compares with queries
    torch::Tensor features;           // [B,2D], the last map's mean and deviation over places, by channel
    std::vector<torch::Tensor> maps;  // [B,D,h,w] each, the image encoder's, finest first
  };
  // Of fitted targets [B,3,H,W].
  View look(const torch::Tensor& targets) const;
  // Of sentences and fitted prompts [B,3,Hp,Wp]: [B,C,h,w], float32, no gradients.
  torch::Tensor queries(const std::vector<std::string>& texts, const torch::Tensor& prompts) const;

  const std::string& hash() const { return hash_; }  // SHA-256 of its file; "" when it came from none

 private:
  torch::Device device() const { return scorer_->parameters().front().device(); }

  PairScorer scorer_;
  Tokenizer tokenizer_;
  ImageSize prompt_, target_;
  std::string hash_;
};

}  // namespace cigli
