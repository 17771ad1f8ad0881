#pragma once

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "decoder/generator.h"

namespace cigli {

// A flow of 32 px.
inline ModelOptions tiny_model() {
  ModelOptions o;
  o.height = o.width = o.prompt_height = o.prompt_width = 32;
  o.text.width = o.fusion.width = 32;
  o.image.widths = {16, 32, 32};
  o.decoder.widths = {32, 48};
  o.decoder.blocks = {1, 1};
  return o;
}

// One with random parameters, the zero-initialized ones too.
inline Generator random_generator(const ModelOptions& options) {
  Generator generator(options, Tokenizer());
  const torch::NoGradGuard no_grad;
  torch::manual_seed(11);
  for (auto& p : generator->parameters()) p.normal_(0, 0.08);
  return generator;
}

// Expects that a loss of its output moves every parameter, rows without text and without prompt among them.
inline void expect_gradients(Generator generator, const torch::Tensor& prompt) {
  const std::vector<std::int64_t> shape{3, 3, generator->options.height, generator->options.width};
  const Visible visible{torch::tensor({true, false, true}), torch::tensor({true, true, false})};
  const Condition c = generator->condition({"a", "b b", "c"}, prompt, visible);
  const torch::Tensor y = generator->forward(torch::randn(shape), torch::tensor({0.1, 0.5, 0.9}), c);
  EXPECT_EQ(y.sizes(), shape);
  EXPECT_EQ(y.scalar_type(), torch::kFloat32);
  y.square().sum().backward();
  for (const auto& p : generator->named_parameters()) {
    ASSERT_TRUE(p.value().grad().defined()) << p.key();
    EXPECT_GT(p.value().grad().abs().sum().item<double>(), 0) << p.key();
  }
}

}  // namespace cigli
