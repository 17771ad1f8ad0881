#pragma once

#include <torch/types.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "dataset/image.h"
#include "encoders/clip.h"
#include "encoders/tokenizer.h"
#include "eval/features/dataset_scorer.h"

namespace cigli {

// Says how well an image fits what was asked, and how alike two images are.
class Judge {
 public:
  // What it sees in images.
  struct View {
    torch::Tensor embedding;  // [B,D] float32: by the inner product with a condition the image fits it
    torch::Tensor features;   // [B,L] float32 of length 1: by their inner product two images are alike, 1 at most
    std::vector<torch::Tensor> maps;  // [B,C,h,w] that `perceptual_distance` compares, finest first; may be none
  };
  virtual ~Judge() = default;
  virtual View look(const std::vector<Image>& images) const = 0;
  // Of sentences and image prompts, as many of either: [B,D] float32.
  virtual torch::Tensor conditions(const std::vector<std::string>& texts, const std::vector<Image>& prompts) const = 0;
  // Whether the prompts make a difference to `conditions`.
  virtual bool sees_prompts() const = 0;
  virtual const std::string& name() const = 0;  // as it is part of a metric's name
};

// Perceptual distance (Zhang et al. 2018, eq. 1, with all weights 1) on a judge's maps instead of an ImageNet
// network's: [B] float32, 0 where images are equal.
torch::Tensor perceptual_distance(const Judge::View& a, const Judge::View& b);

// The contrastive scorer of the dataset's own pairs.
class DatasetJudge : public Judge {
 public:
  explicit DatasetJudge(DatasetScorer scorer) : scorer_(std::move(scorer)) {}
  View look(const std::vector<Image>& images) const override;
  torch::Tensor conditions(const std::vector<std::string>& texts, const std::vector<Image>& prompts) const override;
  bool sees_prompts() const override { return true; }
  const std::string& name() const override;

 private:
  DatasetScorer scorer_;
};

// CLIP: unit embeddings of images and sentences; it does not look at prompts.
class ClipJudge : public Judge {
 public:
  // `merges`: CLIP's bpe_simple_vocab_16e6.txt, plain or gzipped. Throws Error where weights and merges don't fit.
  ClipJudge(const std::filesystem::path& weights, const std::filesystem::path& merges,
            const torch::TensorOptions& place);
  View look(const std::vector<Image>& images) const override;  // without maps
  torch::Tensor conditions(const std::vector<std::string>& texts, const std::vector<Image>& prompts) const override;
  bool sees_prompts() const override { return false; }
  const std::string& name() const override;

 private:
  PretrainedWeights weights_;
  Clip clip_;
  Tokenizer tokenizer_;
};

}  // namespace cigli
