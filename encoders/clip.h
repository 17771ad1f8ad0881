#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "encoders/pretrained.h"

namespace cigli {

// What the shapes of a tower's tensors don't tell.
struct ClipTowerOptions {
  std::int64_t heads = 0;  // 0: one every 64 channels, as in all of OpenAI's models
  bool quick_gelu = true;  // x sigmoid(1.702 x), as in all of OpenAI's models; false: the exact GELU
};

struct ClipOptions {
  ClipTowerOptions image, text;
};

// The options that the `config.json` beside a file of weights gives, as Hugging Face writes it; without one the
// defaults. Throws Error naming the file, the key, what was found and what was expected.
ClipOptions clip_options_beside(const std::filesystem::path& weights);

// Weights of a linear layer or a norm.
struct ClipAffine {
  torch::Tensor weight, bias;
};

// The pre-norm transformer of either tower (Radford et al. 2021, section 2.4).
class ClipTransformer {
 public:
  // Takes `tower`.encoder.layers.*, as many as there are. Throws Error where the heads don't fit the width.
  ClipTransformer(PretrainedWeights& weights, const std::string& tower, std::int64_t width,
                  const ClipTowerOptions& options, const torch::TensorOptions& place);
  // x [B,N,W] -> [B,N,W]; causal: no token sees a later one.
  torch::Tensor forward(torch::Tensor x, bool causal) const;

 private:
  struct Layer {
    ClipAffine norm1, qkv, out, norm2, fc1, fc2;
  };
  torch::Tensor attend(const Layer& layer, const torch::Tensor& x, bool causal) const;
  torch::Tensor feed_forward(const Layer& layer, const torch::Tensor& x) const;

  std::int64_t heads_;
  bool quick_gelu_;
  std::vector<Layer> layers_;
};

// CLIP's image and text towers (Radford et al. 2021), for inference, from weights with the names of Hugging Face's
// CLIPModel. All sizes are those of the tensors.
class Clip {
 public:
  // Computes in the dtype (float32, float64, bfloat16) and on the device of `place`. Throws Error naming the file and
  // the tensors that are missing or misshapen.
  explicit Clip(PretrainedWeights& weights, const ClipOptions& options = {},
                const torch::TensorOptions& place = torch::kFloat32);

  std::int64_t image_size() const { return image_size_; }           // S, pixels a side
  std::int64_t context() const { return positions_text_.size(0); }  // tokens at most, start and end included
  std::int64_t vocabulary() const { return tokens_.size(0); }       // the tokenizer must have the same
  std::int64_t width() const { return projection_text_.size(0); }   // D, of the space that both towers share

  // Images [B,3,S,S] of any dtype, values in [0,255], -> [B,D], not normalised.
  torch::Tensor embed_images(const torch::Tensor& images) const;
  // Ids [B,T] with start and end, T at most `context`, -> [B,D], not normalised. The end has the largest id; what
  // follows the first has no influence.
  torch::Tensor embed_texts(const torch::Tensor& ids) const;

  // What these are made from. [B,1+N,W]: the class token and one for each patch, row by row, before the last norm.
  torch::Tensor image_tokens(const torch::Tensor& images) const;
  // [B,T,W], after the last norm.
  torch::Tensor text_tokens(const torch::Tensor& ids) const;

 private:
  ClipTransformer image_, text_;
  std::int64_t image_size_;
  torch::Tensor class_token_;                       // [W]
  torch::Tensor patches_;                           // [W,3,P,P]
  torch::Tensor positions_image_, positions_text_;  // [1+N,W], [context,W]
  torch::Tensor tokens_;                            // [vocabulary,W]
  ClipAffine norm_patches_, norm_image_, norm_text_;
  torch::Tensor projection_image_, projection_text_;  // [D,W]
};

}  // namespace cigli
