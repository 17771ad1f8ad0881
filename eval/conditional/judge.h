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

// Says how well an image fits what was asked: the inner product of what it makes of either.
class Judge {
 public:
  virtual ~Judge() = default;
  virtual torch::Tensor images(const std::vector<Image>& images) const = 0;  // [B,D] float32
  // Of sentences and image prompts, as many of either: [B,D] float32.
  virtual torch::Tensor conditions(const std::vector<std::string>& texts, const std::vector<Image>& prompts) const = 0;
  // Whether the prompts make a difference to `conditions`.
  virtual bool sees_prompts() const = 0;
  // How alike two images are, [B] float32: 1 where they are equal.
  virtual torch::Tensor likeness(const std::vector<Image>& a, const std::vector<Image>& b) const = 0;
  virtual const std::string& name() const = 0;  // as it is part of a metric's name
};

// The contrastive scorer of the dataset's own pairs.
class DatasetJudge : public Judge {
 public:
  explicit DatasetJudge(DatasetScorer scorer) : scorer_(std::move(scorer)) {}
  torch::Tensor images(const std::vector<Image>& images) const override;
  torch::Tensor conditions(const std::vector<std::string>& texts, const std::vector<Image>& prompts) const override;
  bool sees_prompts() const override { return true; }
  torch::Tensor likeness(const std::vector<Image>& a, const std::vector<Image>& b) const override;
  const std::string& name() const override;

  // Perceptual distance (Zhang et al. 2018, eq. 1, with all weights 1) on the scorer's features instead of an
  // ImageNet network's: [B] float32, 0 where images are equal.
  torch::Tensor distance(const std::vector<Image>& a, const std::vector<Image>& b) const;

 private:
  DatasetScorer scorer_;
};

// CLIP: unit embeddings of images and sentences; it does not look at prompts.
class ClipJudge : public Judge {
 public:
  // `merges`: CLIP's bpe_simple_vocab_16e6.txt, plain or gzipped. Throws Error where weights and merges don't fit.
  ClipJudge(const std::filesystem::path& weights, const std::filesystem::path& merges, torch::Dtype dtype);
  torch::Tensor images(const std::vector<Image>& images) const override;
  torch::Tensor conditions(const std::vector<std::string>& texts, const std::vector<Image>& prompts) const override;
  bool sees_prompts() const override { return false; }
  torch::Tensor likeness(const std::vector<Image>& a, const std::vector<Image>& b) const override;
  const std::string& name() const override;

 private:
  PretrainedWeights weights_;
  Clip clip_;
  Tokenizer tokenizer_;
};

}  // namespace cigli
