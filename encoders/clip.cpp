#include "encoders/clip.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "encoders/layers/attention.h"
#include "runtime/error.h"
#include "runtime/files.h"

namespace cigli {

using nlohmann::json;
using torch::Tensor;

namespace {

const std::string image_tower = "vision_model", text_tower = "text_model";
const std::string class_name = image_tower + ".embeddings.class_embedding",
                  patches_name = image_tower + ".embeddings.patch_embedding.weight",
                  image_positions_name = image_tower + ".embeddings.position_embedding.weight",
                  tokens_name = text_tower + ".embeddings.token_embedding.weight",
                  text_positions_name = text_tower + ".embeddings.position_embedding.weight";

ClipTowerOptions tower_options(const json& config, const std::string& section, std::int64_t usual_heads,
                               const std::string& where) {
  ClipTowerOptions options;
  options.heads = usual_heads;
  const auto tower = config.find(section);
  if (tower == config.end() || tower->is_null()) return options;
  if (!tower->is_object()) throw Error(where + ": " + section + ": expected an object");
  const auto fail = [&](const std::string& key, const std::string& expected) {
    throw Error(where + ": " + section + "." + key + ": found " + tower->at(key).dump() + ", expected " + expected);
  };
  if (tower->contains("num_attention_heads")) {
    const json& heads = tower->at("num_attention_heads");
    if (!heads.is_number_integer() || heads < 1 || heads > 1024) fail("num_attention_heads", "a number of 1 to 1024");
    options.heads = heads.get<std::int64_t>();
  }
  if (tower->contains("hidden_act")) {
    const json& activation = tower->at("hidden_act");
    options.quick_gelu = activation == "quick_gelu";
    if (!options.quick_gelu && activation != "gelu") fail("hidden_act", "\"quick_gelu\" or \"gelu\"");
  }
  return options;
}

ClipAffine take_affine(PretrainedWeights& weights, const std::string& name, at::IntArrayRef shape,
                       const torch::TensorOptions& place) {
  return {weights.take(name + ".weight", shape).to(place), weights.take(name + ".bias", shape.slice(0, 1)).to(place)};
}

// Up to the last layer that the file has anything of, so that a gap is told as what is missing.
std::int64_t count_layers(const PretrainedWeights& weights, const std::string& prefix) {
  constexpr std::int64_t most = 256;
  std::int64_t count = 1;
  for (std::int64_t i = 1; i < most; ++i)
    for (const char* part : {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.out_proj",
                             "layer_norm1", "layer_norm2", "mlp.fc1", "mlp.fc2"})
      if (weights.has(prefix + std::to_string(i) + "." + part + ".weight")) count = i + 1;
  return count;
}

Tensor linear(const Tensor& x, const ClipAffine& layer) { return torch::linear(x, layer.weight, layer.bias); }

Tensor layer_norm(const Tensor& x, const ClipAffine& norm) {
  return torch::layer_norm(x, norm.weight.sizes(), norm.weight, norm.bias, 1e-5);
}

// The blocks' own attention masks tokens for a whole row, not for each query.
Tensor causal_attention(const Tensor& q, const Tensor& k, const Tensor& v) {
  const Tensor scaled = q * (1.0 / std::sqrt(static_cast<double>(q.size(3))));
  const Tensor later = torch::ones({q.size(2), k.size(2)}, q.options().dtype(torch::kBool)).triu(1);
  const Tensor scores = torch::matmul(scaled, k.transpose(2, 3));
  const Tensor seen = scores.masked_fill(later, -std::numeric_limits<double>::infinity());
  return torch::matmul(torch::softmax(seen, -1), v);
}

}  // namespace

ClipOptions clip_options_beside(const std::filesystem::path& weights) {
  const std::filesystem::path file = weights.parent_path() / "config.json";
  if (!std::filesystem::exists(file)) return {};
  const json config = json::parse(read_file(file, 1 << 20), nullptr, false);
  if (!config.is_object()) throw Error(file.string() + ": expected a JSON object, the configuration of a CLIP model");
  // What Hugging Face leaves out is what its defaults, those of ViT-B/32, say.
  return {tower_options(config, "vision_config", 12, file.string()),
          tower_options(config, "text_config", 8, file.string())};
}

ClipTransformer::ClipTransformer(PretrainedWeights& weights, const std::string& tower, std::int64_t width,
                                 const ClipTowerOptions& options, const torch::TensorOptions& place)
    : heads_(options.heads ? options.heads : width / 64), quick_gelu_(options.quick_gelu) {
  if (heads_ < 1 || width % heads_ != 0 || (!options.heads && width % 64 != 0))
    throw Error(weights.name() + ": " + tower + " has " + std::to_string(width) + " channels, expected a multiple of " +
                (options.heads ? std::to_string(heads_) + " heads" : "64: config.json says nothing of its heads"));
  const std::string layers = tower + ".encoder.layers.";
  const std::int64_t hidden = weights.size(layers + "0.mlp.fc1.weight", 0), count = count_layers(weights, layers);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto take = [&](const char* part, at::IntArrayRef shape) {
      return take_affine(weights, layers + std::to_string(i) + "." + part, shape, place);
    };
    const ClipAffine q = take("self_attn.q_proj", {width, width}), k = take("self_attn.k_proj", {width, width}),
                     v = take("self_attn.v_proj", {width, width});
    layers_.push_back({take("layer_norm1", {width}),
                       {torch::cat({q.weight, k.weight, v.weight}), torch::cat({q.bias, k.bias, v.bias})},
                       take("self_attn.out_proj", {width, width}),
                       take("layer_norm2", {width}),
                       take("mlp.fc1", {hidden, width}),
                       take("mlp.fc2", {width, hidden})});
  }
}

Tensor ClipTransformer::forward(Tensor x, bool causal) const {
  for (const Layer& layer : layers_) {
    x = x + attend(layer, layer_norm(x, layer.norm1), causal);
    x = x + feed_forward(layer, layer_norm(x, layer.norm2));
  }
  return x;
}

Tensor ClipTransformer::attend(const Layer& layer, const Tensor& x, bool causal) const {
  const std::vector<Tensor> parts = linear(x, layer.qkv).chunk(3, -1);
  const Tensor q = split_heads(parts[0], heads_), k = split_heads(parts[1], heads_), v = split_heads(parts[2], heads_);
  return linear(merge_heads(causal ? causal_attention(q, k, v) : scaled_dot_product(q, k, v)), layer.out);
}

Tensor ClipTransformer::feed_forward(const Layer& layer, const Tensor& x) const {
  const Tensor hidden = linear(x, layer.fc1);
  return linear(quick_gelu_ ? hidden * torch::sigmoid(1.702 * hidden) : torch::gelu(hidden), layer.fc2);
}

Clip::Clip(PretrainedWeights& weights, const ClipOptions& options, const torch::TensorOptions& place)
    : image_(weights, image_tower, weights.size(class_name, 0), options.image, place),
      text_(weights, text_tower, weights.size(tokens_name, 1), options.text, place) {
  const auto take = [&](const std::string& name, at::IntArrayRef shape) { return weights.take(name, shape).to(place); };
  const auto take_norm = [&](const std::string& name, std::int64_t width) {
    return take_affine(weights, name, {width}, place);
  };
  const std::int64_t image_width = weights.size(class_name, 0), text_width = weights.size(tokens_name, 1),
                     shared = weights.size("visual_projection.weight", 0), patch = weights.size(patches_name, 2),
                     positions = weights.size(image_positions_name, 0),
                     side = std::lround(std::sqrt(static_cast<double>(positions - 1)));
  if (side < 1 || side * side + 1 != positions)
    throw Error(weights.name() + ": tensor " + image_positions_name + " has " + std::to_string(positions) +
                " rows, expected a square number and one more");
  image_size_ = side * patch;
  class_token_ = take(class_name, {image_width});
  patches_ = take(patches_name, {image_width, 3, patch, patch});
  positions_image_ = take(image_positions_name, {positions, image_width});
  norm_patches_ = take_norm(image_tower + ".pre_layrnorm", image_width);  // spelled so in every file
  norm_image_ = take_norm(image_tower + ".post_layernorm", image_width);
  projection_image_ = take("visual_projection.weight", {shared, image_width});
  tokens_ = take(tokens_name, {weights.size(tokens_name, 0), text_width});
  positions_text_ = take(text_positions_name, {weights.size(text_positions_name, 0), text_width});
  norm_text_ = take_norm(text_tower + ".final_layer_norm", text_width);
  projection_text_ = take("text_projection.weight", {shared, text_width});
  weights.check();
}

Tensor Clip::image_tokens(const Tensor& images) const {
  TORCH_CHECK(
      images.dim() == 4 && images.size(1) == 3 && images.size(2) == image_size_ && images.size(3) == image_size_,
      "CLIP expects images [B,3,", image_size_, ",", image_size_, "], got ", images.sizes());
  const torch::TensorOptions place = patches_.options();
  const torch::TensorOptions precise = place.dtype(torch::promote_types(patches_.scalar_type(), torch::kFloat32));
  const Tensor mean = torch::tensor({0.48145466, 0.4578275, 0.40821073}, precise).view({3, 1, 1});
  const Tensor deviation = torch::tensor({0.26862954, 0.26130258, 0.27577711}, precise).view({3, 1, 1});
  const Tensor normal = ((images.to(precise) / 255 - mean) / deviation).to(place);
  const Tensor patches = torch::conv2d(normal, patches_, {}, patches_.size(2)).flatten(2).transpose(1, 2);
  const Tensor first = class_token_.expand({images.size(0), 1, -1});
  return image_.forward(layer_norm(torch::cat({first, patches}, 1) + positions_image_, norm_patches_), false);
}

Tensor Clip::text_tokens(const Tensor& ids) const {
  TORCH_CHECK(ids.dim() == 2 && ids.size(1) >= 1 && ids.size(1) <= context(), "CLIP expects ids [B,T], T at most ",
              context(), "; got ", ids.sizes());
  const Tensor x = torch::embedding(tokens_, ids.to(tokens_.device())) + positions_text_.slice(0, 0, ids.size(1));
  return layer_norm(text_.forward(x, true), norm_text_);
}

Tensor Clip::embed_images(const Tensor& images) const {
  return torch::linear(layer_norm(image_tokens(images).select(1, 0), norm_image_), projection_image_);
}

Tensor Clip::embed_texts(const Tensor& ids) const {
  const Tensor tokens = text_tokens(ids);
  const Tensor end = ids.to(tokens.device()).argmax(1).view({-1, 1, 1}).expand({-1, 1, tokens.size(2)});
  return torch::linear(tokens.gather(1, end).squeeze(1), projection_text_);
}

}  // namespace cigli
