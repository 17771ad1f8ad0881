#pragma once

#include <torch/torch.h>

#include <map>
#include <string>
#include <vector>

#include "runtime/safetensors.h"
#include "tests/formula_weights.h"

namespace cigli::test {

using ClipShapes = std::map<std::string, std::vector<std::int64_t>>;

inline torch::Tensor clip_weight(const std::string& salt, const std::string& name, at::IntArrayRef shape) {
  const auto ends = [&](const std::string& end) {
    return name.size() >= end.size() && name.compare(name.size() - end.size(), end.size(), end) == 0;
  };
  if (ends(".bias")) return (0.1 * (2 * formula_uniform(salt, name, shape) - 1)).to(torch::kFloat32);
  if (ends(".weight") && shape.size() == 1)
    return (0.75 + 0.5 * formula_uniform(salt, name, shape)).to(torch::kFloat32);
  return formula_weight(salt, name, shape);
}

// Weights of these shapes by the formula of `salt`.
inline TensorFile clip_file(const std::string& salt, const ClipShapes& shapes) {
  TensorFile file;
  for (const auto& [name, shape] : shapes) file.tensors[name] = clip_weight(salt, name, shape);
  return file;
}

inline void add_clip_tower(ClipShapes& shapes, const std::string& tower, std::int64_t layers, std::int64_t width,
                           std::int64_t hidden) {
  for (std::int64_t i = 0; i < layers; ++i) {
    const std::string layer = tower + ".encoder.layers." + std::to_string(i) + ".";
    const auto add = [&](const std::string& name, std::vector<std::int64_t> shape) {
      shapes[layer + name + ".bias"] = {shape[0]};
      shapes[layer + name + ".weight"] = std::move(shape);
    };
    for (const char* part : {"q_proj", "k_proj", "v_proj", "out_proj"})
      add(std::string("self_attn.") + part, {width, width});
    add("layer_norm1", {width});
    add("layer_norm2", {width});
    add("mlp.fc1", {hidden, width});
    add("mlp.fc2", {width, hidden});
  }
}

// Towers of unlike sizes: images of 24 pixels in 9 patches, a context of 12.
inline TensorFile small_clip_file(std::int64_t vocabulary = 600) {
  ClipShapes shapes = {{"vision_model.embeddings.class_embedding", {64}},
                       {"vision_model.embeddings.patch_embedding.weight", {64, 3, 8, 8}},
                       {"vision_model.embeddings.position_embedding.weight", {10, 64}},
                       {"vision_model.pre_layrnorm.weight", {64}},
                       {"vision_model.pre_layrnorm.bias", {64}},
                       {"vision_model.post_layernorm.weight", {64}},
                       {"vision_model.post_layernorm.bias", {64}},
                       {"visual_projection.weight", {20, 64}},
                       {"text_model.embeddings.token_embedding.weight", {vocabulary, 128}},
                       {"text_model.embeddings.position_embedding.weight", {12, 128}},
                       {"text_model.final_layer_norm.weight", {128}},
                       {"text_model.final_layer_norm.bias", {128}},
                       {"text_projection.weight", {20, 128}}};
  add_clip_tower(shapes, "vision_model", 3, 64, 96);
  add_clip_tower(shapes, "text_model", 2, 128, 160);
  return clip_file("small", shapes);
}

}  // namespace cigli::test
