#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <string>

#include "encoders/tokenizer.h"
#include "runtime/options.h"

namespace cigli {

struct TextEncoderOptions {
  std::string kind = "transformer";
  std::int64_t vocabulary = 1024;  // at most; merges are learned from the training texts
  std::int64_t context = 64;       // tokens, start and end included
  std::int64_t width = 128;
  std::int64_t layers = 2;
  std::int64_t heads = 4;
  void visit(Fields& f);
};

struct TextFeatures {
  torch::Tensor tokens;  // [B,T,D]
  torch::Tensor mask;    // [B,T] bool
};

// Token ids, on any device, to contextual features on that of the weights.
struct TextEncoderImpl : torch::nn::Module {
  virtual TextFeatures forward(const TokenBatch& text) = 0;
};
using TextEncoder = std::shared_ptr<TextEncoderImpl>;

// `vocabulary` is the tokenizer's, which training may have left smaller than the option.
TextEncoder make_text_encoder(const TextEncoderOptions& options, std::int64_t vocabulary);

}  // namespace cigli
